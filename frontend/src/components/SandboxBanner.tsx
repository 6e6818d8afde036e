import { useAbout } from "../api/queries";
import classes from "./SandboxBanner.module.css";

export function SandboxBanner() {
  const about = useAbout();
  if (!about.data?.sandbox) return null;
  return (
    <aside className={classes.banner} aria-label="Sandbox">
      <strong>Sandbox</strong> – a practice cluster inside MycoPod. No real machine is touched.
    </aside>
  );
}
