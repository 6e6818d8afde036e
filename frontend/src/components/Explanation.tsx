import { useWording } from "../api/queries";
import type { Plan } from "../api/types";
import classes from "./Explanation.module.css";

interface Props {
  plan: Plan;
  /** The declaration's id, where the plan is also told in a language model's words, if there is one. */
  declaration?: string;
}

/** What a plan does, in MycoPod's own words; below them in a language model's, which is said. */
export function Explanation({ plan, declaration }: Props) {
  const wording = useWording(declaration, plan.digest).data;
  return (
    <div className={classes.explanation}>
      <p>{plan.explanation}</p>
      {wording?.digest === plan.digest && wording.text !== null && (
        <figure className={classes.worded}>
          <figcaption className="soft small">The same in the language model’s words</figcaption>
          <blockquote className="soft">{wording.text}</blockquote>
        </figure>
      )}
    </div>
  );
}
