import { cleanup, configure } from "@testing-library/react";
import { afterEach, vi } from "vitest";

import { discardDraft } from "../lib/draft";

afterEach(cleanup);
afterEach(discardDraft);

// Longer than anything here takes on a busy machine, in ms.
configure({ asyncUtilTimeout: 10_000 });

// What Mantine and the pages ask of a browser and jsdom does not have.
vi.stubGlobal(
  "ResizeObserver",
  class {
    observe = vi.fn();
    unobserve = vi.fn();
    disconnect = vi.fn();
  },
);
vi.stubGlobal("matchMedia", (query: string) => ({
  matches: false,
  media: query,
  addEventListener: vi.fn(),
  removeEventListener: vi.fn(),
}));
Element.prototype.scrollIntoView = vi.fn();
window.scrollTo = vi.fn();
