import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useState } from "react";
import { Navigate, useLocation } from "react-router";

import { useLogIn } from "../api/queries";
import { useSession } from "../api/session";
import { ColorSchemeToggle } from "../components/ColorSchemeToggle";
import { Loading } from "../components/Loading";
import { Logo } from "../components/Logo";
import { ProblemNotice } from "../components/ProblemNotice";
import classes from "./Login.module.css";

export function Login() {
  const session = useSession();
  const location = useLocation();
  const logIn = useLogIn();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");

  if (session.status === "starting") return <Loading />;
  if (session.status === "in") return <Navigate to={origin(location.state)} replace />;
  return (
    <main className={classes.main}>
      <title>Log in · MycoPod</title>
      <div className={classes.brand}>
        <Logo size={56} />
        <h1>MycoPod</h1>
        <p>Say which guests you want. See what would be done. Agree, or not.</p>
      </div>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          logIn.mutate({ email, password });
        }}
      >
        {logIn.error && <ProblemNotice problem={logIn.error} />}
        <TextInput
          label="E-mail"
          type="email"
          autoComplete="username"
          required
          autoFocus
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <PasswordInput
          label="Password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <Button type="submit" loading={logIn.isPending} fullWidth>
          Log in
        </Button>
        <p className="soft small">No account? An Admin adds one under Users.</p>
      </form>
      <div className={classes.scheme}>
        <ColorSchemeToggle />
      </div>
    </main>
  );
}

/** Where the person was going before being asked to log in. */
function origin(state: unknown): string {
  if (typeof state === "object" && state !== null && "from" in state) {
    if (typeof state.from === "string") return state.from;
  }
  return "/dashboard";
}
