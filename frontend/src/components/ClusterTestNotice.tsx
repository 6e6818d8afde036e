import type { ClusterTest } from "../api/types";
import { Notice } from "./Notice";

/** What a cluster answered: its version, and what MycoPod’s login may not do. */
export function ClusterTestNotice({ name, test }: { name: string; test: ClusterTest }) {
  if (test.missing.length === 0) {
    return (
      <Notice tone="good" title={`${name} answers: Proxmox VE ${test.version}`} role="status">
        <p>MycoPod may do there all that plans need.</p>
      </Notice>
    );
  }
  return (
    <Notice tone="warn" title={`${name} answers: Proxmox VE ${test.version}`} role="status">
      <p>
        MycoPod lacks these privileges there. Plans that need them will fail until they are granted:
      </p>
      <ul>
        {test.missing.map(({ path, privilege }) => (
          <li key={`${path} ${privilege}`}>
            {privilege} on {path}
          </li>
        ))}
      </ul>
    </Notice>
  );
}
