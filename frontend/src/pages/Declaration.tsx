import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, useParams } from "react-router";

import { useAnswerProgress } from "../api/events";
import { useCancel, useDeclaration, useSeveralClusters } from "../api/queries";
import { useUser } from "../api/session";
import type { Declaration } from "../api/types";
import { CancelDialog } from "../components/CancelDialog";
import { ConfirmDialog } from "../components/ConfirmDialog";
import { DeclaredText } from "../components/DeclaredText";
import { DriftNotice } from "../components/DriftNotice";
import { Edits } from "../components/Edits";
import { HighlightProvider, useHighlightState } from "../components/highlight";
import { IntentForm } from "../components/IntentForm";
import { Loaded } from "../components/Loaded";
import { Loading } from "../components/Loading";
import { Outcome } from "../components/Outcome";
import { Page } from "../components/Page";
import { Panel } from "../components/Panel";
import { PlanView } from "../components/PlanView";
import { ProgressLine } from "../components/ProgressLine";
import { Questions } from "../components/Questions";
import { ReadingView } from "../components/ReadingView";
import { StandingNotice } from "../components/StandingNotice";
import { Time } from "../components/Time";
import { summaryText } from "../lib/plan";
import { canCancel, isMoving } from "../lib/status";
import classes from "./Declaration.module.css";

export default function DeclarationPage() {
  const { id = "" } = useParams();
  const declaration = useDeclaration(id);
  return (
    <Page title="Declaration">
      <Loaded query={declaration} lines={8}>
        {(data) => <DeclarationView key={data.id} declaration={data} />}
      </Loaded>
    </Page>
  );
}

/** While nothing is understood yet: how far a language model's answer is, where one is asked. */
function BeingRead({ declaration }: { declaration: string }) {
  const characters = useAnswerProgress(declaration);
  return (
    <>
      {characters !== undefined && (
        <p className="soft" aria-live="polite">
          The language model is answering: {characters} characters so far.
        </p>
      )}
      <Loading lines={4} />
    </>
  );
}

function DeclarationView({ declaration }: { declaration: Declaration }) {
  const highlight = useHighlightState();
  const several = useSeveralClusters();
  const { id, cluster, content, author, created_at, status, reading, plan, reconciliation } =
    declaration;
  // With an answer in other words nothing holds that was understood before.
  const isReadAnew = status === "reading" && reading?.statements.length === 0;
  // Where a question is open it may come from there.
  const setInForm = declaration.edits.length > 0 && (
    <Panel title="Set in the form">
      <Edits declaration={declaration} />
    </Panel>
  );
  return (
    <HighlightProvider value={highlight}>
      <div className={classes.columns}>
        <div className={classes.said}>
          <Panel title="Declared">
            <DeclaredText content={reading?.reworded ?? content} reading={reading} />
            {reading?.reworded && (
              <details className="soft small">
                <summary>
                  Answers stand in the place of words that were not understood. As it was typed
                </summary>
                <p className="voice">{content}</p>
              </details>
            )}
            <p className="soft small">
              {author.email} · <Time iso={created_at} /> · {several && `cluster ${cluster} · `}
              <Link to={`/audit?declaration=${id}`}>audit entries</Link>
            </p>
          </Panel>
          <Outcome declaration={declaration} />
          {status === "converged" && <DriftNotice declaration={id} />}
          <Decision declaration={declaration} />
          <StandingNotice declaration={declaration} />
        </div>
        <div className={classes.understood}>
          {reading && reading.questions.length > 0 && (
            <Panel title="Questions">
              <Questions declaration={id} questions={reading.questions} edits={declaration.edits} />
            </Panel>
          )}
          {status === "needs_answer" && setInForm}
          <Panel title="Understood">
            {reading && !isReadAnew ? (
              <ReadingView reading={reading} />
            ) : (
              <BeingRead declaration={id} />
            )}
          </Panel>
          <IntentForm declaration={declaration} />
          {status !== "needs_answer" && setInForm}
          {plan && (
            <Panel
              title="Plan"
              actions={<span className="soft small">{summaryText(plan.summary)}</span>}
            >
              {status === "needs_answer" && (
                <p className="soft">This plan was made before the question and holds no more.</p>
              )}
              {reconciliation && <ProgressLine plan={plan} reconciliation={reconciliation} />}
              <PlanView plan={plan} declaration={id} reconciliation={reconciliation} foldable />
            </Panel>
          )}
        </div>
      </div>
    </HighlightProvider>
  );
}

/** What the person looking may do about it: an Admin confirms, everyone who sees it may cancel. */
function Decision({ declaration }: { declaration: Declaration }) {
  const { id, status, plan } = declaration;
  const user = useUser();
  const [confirming, dialog] = useDisclosure(false);
  const [cancelling, question] = useDisclosure(false);
  const cancel = useCancel(id);
  const stopping = cancel.isSuccess && isMoving(status);
  return (
    <div className={classes.decision}>
      {user.role === "Admin" && (
        <>
          {status === "awaiting_approval" && plan && (
            <Button onClick={dialog.open}>Confirm…</Button>
          )}
          <ConfirmDialog declaration={declaration} opened={confirming} onClose={dialog.close} />
        </>
      )}
      {canCancel(status) && (
        <Button variant="default" disabled={stopping} onClick={question.open}>
          {stopping ? "Stops after the step under way" : "Cancel the declaration…"}
        </Button>
      )}
      <CancelDialog
        declaration={declaration}
        cancel={cancel}
        opened={cancelling && canCancel(status)}
        onClose={question.close}
      />
    </div>
  );
}
