import { Link } from "react-router";

import { Empty } from "../components/Empty";
import { Page } from "../components/Page";

export default function NotFound() {
  return (
    <Page title="No such page">
      <Empty>
        <p>There is nothing at this address.</p>
        <Link to="/dashboard">To the dashboard</Link>
      </Empty>
    </Page>
  );
}
