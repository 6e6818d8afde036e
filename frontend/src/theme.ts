import { createTheme, type CSSVariablesResolver } from "@mantine/core";

export const theme = createTheme({
  colors: {
    petrol: [
      "#e6f4f5",
      "#cfe6e9",
      "#a5d1d6",
      "#77bac2",
      "#4fa4ae",
      "#2f929d",
      "#1b8390",
      "#0f7480",
      "#0b6570",
      "#07505a",
    ],
    gray: [
      "#f6f8f7",
      "#eef2f0",
      "#e3e8e6",
      "#d3dad7",
      "#82908b",
      "#71807b",
      "#51605b",
      "#46534f",
      "#2c3835",
      "#17211e",
    ],
    red: [
      "#fdecea",
      "#f8d5d1",
      "#f0aca5",
      "#ff9d94",
      "#dd655b",
      "#cf4b40",
      "#c13a2f",
      "#b0281f",
      "#98211a",
      "#7d1813",
    ],
    dark: [
      "#e3e9e6",
      "#bac6c1",
      "#9fada8",
      "#71807b",
      "#66746f",
      "#2a3532",
      "#1e2725",
      "#18201e",
      "#111716",
      "#0d1211",
    ],
  },
  primaryColor: "petrol",
  primaryShade: { light: 7, dark: 7 },
  defaultRadius: "sm",
  fontFamily: "var(--sans)",
  fontFamilyMonospace: "var(--mono)",
  headings: { fontFamily: "var(--sans)" },
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Modal: {
      defaultProps: {
        closeButtonProps: { "aria-label": "Close" },
        // A dialog's <header> would else count as the page's banner.
        attributes: { header: { role: "presentation" } },
      },
    },
    // The forms are short and nearly all fields are required: asterisks would say nothing.
    InputWrapper: { defaultProps: { withAsterisk: false } },
  },
});

/** Mantine's own greys and reds are too pale to read in places; these use our tokens. */
export const cssVariables: CSSVariablesResolver = () => {
  const shared = {
    "--mantine-color-body": "var(--sheet)",
    "--mantine-color-text": "var(--ink)",
    "--mantine-color-dimmed": "var(--soft)",
    "--mantine-color-placeholder": "var(--soft)",
    "--mantine-color-error": "var(--danger)",
    "--mantine-color-default-border": "var(--line-strong)",
  };
  return { variables: {}, light: shared, dark: shared };
};
