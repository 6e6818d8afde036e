import { Button, NativeSelect } from "@mantine/core";
import { useState } from "react";
import { Link } from "react-router";

import { useCluster, useClusters, useDeclarations, useGuests } from "../api/queries";
import { ClusterView } from "../components/ClusterView";
import { DeclarationList } from "../components/DeclarationList";
import { Empty } from "../components/Empty";
import { GuestTable } from "../components/GuestTable";
import { Loaded } from "../components/Loaded";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import classes from "./Dashboard.module.css";

const RECENT = 6;

export default function Dashboard() {
  const declarations = useDeclarations();
  const guests = useGuests();
  const clusters = useClusters();
  const [chosen, setChosen] = useState<string>();
  const cluster = useCluster(chosen);
  const names = clusters.data?.map(({ name }) => name) ?? [];
  return (
    <Page
      title="Dashboard"
      actions={
        <Button component={Link} to="/declarations/new">
          New declaration
        </Button>
      }
    >
      <div className={classes.columns}>
        <div className={classes.column}>
          <Panel title="Guests">
            <Loaded query={guests}>{(data) => <GuestTable guests={data} />}</Loaded>
          </Panel>
          <Panel
            title="Cluster"
            actions={
              names.length > 1 && (
                <NativeSelect
                  size="xs"
                  aria-label="Which cluster"
                  value={chosen ?? names[0]}
                  onChange={(event) => setChosen(event.currentTarget.value)}
                  data={names}
                />
              )
            }
          >
            <Loaded query={cluster}>{(data) => <ClusterView cluster={data} />}</Loaded>
          </Panel>
        </div>
        <div className={classes.column}>
          <Panel title="Waiting for a person">
            <Loaded query={declarations}>
              {({ pages }) => {
                const waiting = pages.flat().filter(({ status }) => waitsForPerson(status));
                if (waiting.length === 0) return <p className="soft">Nothing waits.</p>;
                return <DeclarationList declarations={waiting} />;
              }}
            </Loaded>
          </Panel>
          <Panel
            title="Recent declarations"
            actions={
              <Link to="/declarations" className="small">
                All declarations
              </Link>
            }
          >
            <Loaded query={declarations}>
              {({ pages }) =>
                pages.flat().length > 0 ? (
                  <DeclarationList declarations={pages.flat().slice(0, RECENT)} />
                ) : (
                  <Empty>
                    <p>Nobody has declared anything yet.</p>
                    <Link to="/declarations/new">Write the first declaration</Link>
                  </Empty>
                )
              }
            </Loaded>
          </Panel>
        </div>
      </div>
    </Page>
  );
}

function waitsForPerson(status: string): boolean {
  return ["needs_answer", "awaiting_approval", "blocked", "stale"].includes(status);
}
