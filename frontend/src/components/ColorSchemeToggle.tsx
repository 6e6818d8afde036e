import { ActionIcon, type MantineColorScheme, useMantineColorScheme } from "@mantine/core";

const NEXT: Record<MantineColorScheme, MantineColorScheme> = {
  auto: "light",
  light: "dark",
  dark: "auto",
};

const ICONS: Record<MantineColorScheme, string> = {
  auto: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18v18",
  light:
    "M12 8a4 4 0 1 0 0 8a4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5",
  dark: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
};

/** Steps through automatic, light and dark. */
export function ColorSchemeToggle() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const next = NEXT[colorScheme];
  const label = `Colours: ${colorScheme}. Switch to ${next}.`;
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      c="var(--soft)"
      aria-label={label}
      title={label}
      onClick={() => setColorScheme(next)}
    >
      <svg
        width="18"
        height="18"
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
      >
        <path d={ICONS[colorScheme]} />
        {colorScheme === "auto" && <path d="M12 3a9 9 0 0 1 0 18z" fill="currentColor" />}
      </svg>
    </ActionIcon>
  );
}
