import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";

import { Notice } from "./Notice";

interface State {
  error: Error | null;
}

/** Keeps one broken page from leaving a blank one. */
export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: Error): State {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <Notice tone="danger" title="This page could not be shown" role="alert">
        <p>
          Nothing was sent or changed. After an upgrade of MycoPod, loading the page again is
          usually enough.
        </p>
        <p className="soft small">{this.state.error.message}</p>
        <Button variant="default" size="xs" onClick={() => window.location.reload()}>
          Load again
        </Button>
      </Notice>
    );
  }
}
