import { Button } from "@mantine/core";
import { Link } from "react-router";

import { useDeclarations } from "../api/queries";
import { DeclarationList } from "../components/DeclarationList";
import { Empty } from "../components/Empty";
import { Loaded } from "../components/Loaded";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";

export default function Declarations() {
  const declarations = useDeclarations();
  return (
    <Page
      title="Declarations"
      actions={
        <Button component={Link} to="/declarations/new">
          New declaration
        </Button>
      }
    >
      <Panel title="Newest first">
        <Loaded query={declarations} lines={6}>
          {({ pages }) =>
            pages.flat().length > 0 ? (
              <DeclarationList declarations={pages.flat()} />
            ) : (
              <Empty>
                <p>Nobody has declared anything yet.</p>
                <Link to="/declarations/new">Write the first declaration</Link>
              </Empty>
            )
          }
        </Loaded>
        {declarations.hasNextPage && (
          <Button
            variant="default"
            loading={declarations.isFetchingNextPage}
            onClick={() => declarations.fetchNextPage()}
          >
            Show older
          </Button>
        )}
      </Panel>
    </Page>
  );
}
