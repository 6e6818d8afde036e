import { Suspense, useEffect, useRef } from "react";
import { Link, NavLink, Outlet, useLocation } from "react-router";

import { useLiveEvents } from "../api/events";
import { useAbout } from "../api/queries";
import { useUser } from "../api/session";
import { AccountMenu } from "./AccountMenu";
import { ColorSchemeToggle } from "./ColorSchemeToggle";
import { FreezeBanner } from "./FreezeBanner";
import { ErrorBoundary } from "./ErrorBoundary";
import { Loading } from "./Loading";
import { Logo } from "./Logo";
import { Notice } from "./Notice";
import classes from "./Shell.module.css";

/** What surrounds every page behind the login. */
export default function Shell() {
  useLiveEvents();
  const about = useAbout();
  const user = useUser();
  const { pathname } = useLocation();
  const main = useFocusOnNavigation(pathname);
  return (
    <>
      <a className={classes.skip} href="#main">
        Skip to the page
      </a>
      <header className={classes.header}>
        <Link to="/dashboard" className={classes.brand}>
          <Logo />
          MycoPod
        </Link>
        <nav className={classes.nav} aria-label="Pages">
          <NavLink to="/dashboard">Dashboard</NavLink>
          <NavLink to="/declarations">Declarations</NavLink>
          <NavLink to="/clusters">Clusters</NavLink>
          <NavLink to="/audit">Audit</NavLink>
          {user.role === "Admin" && <NavLink to="/users">Users</NavLink>}
        </nav>
        <div className={classes.tools}>
          <ColorSchemeToggle />
          <AccountMenu />
        </div>
      </header>
      <FreezeBanner />
      <main id="main" ref={main} tabIndex={-1} className={classes.main}>
        {!user.approved && (
          <Notice tone="warn" title="Your account waits for an Admin’s approval">
            <p>Until then you can look, but not declare.</p>
          </Notice>
        )}
        <ErrorBoundary key={pathname}>
          <Suspense fallback={<Loading />}>
            <Outlet />
          </Suspense>
        </ErrorBoundary>
      </main>
      <footer className={classes.footer}>
        {about.data && (
          <>
            {about.data.product} {about.data.version} · read by{" "}
            {about.data.reader === "builtin"
              ? "the built-in reader"
              : (about.data.reader_model ?? "a language model")}
          </>
        )}
      </footer>
    </>
  );
}

/** Moves the focus to the page's content when the page changes, as loading a new document would. */
function useFocusOnNavigation(pathname: string) {
  const main = useRef<HTMLElement>(null);
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    main.current?.focus();
    window.scrollTo(0, 0);
  }, [pathname]);
  return main;
}
