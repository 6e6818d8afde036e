import { useWording } from "../api/queries";
import type { Plan } from "../api/types";

interface Props {
  plan: Plan;
  /** The declaration's id, where the plan is also told in a language model's words, if there is one. */
  declaration?: string;
}

/** What a plan does, in MycoPod's own words; below them in a language model's, which is said. */
export function Explanation({ plan, declaration }: Props) {
  const wording = useWording(declaration, plan.digest).data;
  return (
    <div>
      <p>{plan.explanation}</p>
      {wording?.digest === plan.digest && wording.text !== null && (
        <p className="soft">
          “{wording.text}” <span className="small">– worded by the language model</span>
        </p>
      )}
    </div>
  );
}
