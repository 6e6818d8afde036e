import classes from "./Loading.module.css";

/** Grey lines where content will be; they appear only if it takes a while. */
export function Loading({ lines = 3 }: { lines?: number }) {
  return (
    <div className={classes.loading} role="status">
      <span className="visually-hidden">Loading</span>
      {Array.from({ length: lines }, (_, i) => (
        <span key={i} className={classes.line} />
      ))}
    </div>
  );
}
