import { lazy, Suspense, useEffect } from "react";
import { Navigate, Outlet, Route, Routes, useLocation } from "react-router";

import { queryClient, usePing } from "./api/queries";
import { refresh, useSession } from "./api/session";
import { ErrorBoundary } from "./components/ErrorBoundary";
import { Loading } from "./components/Loading";
import { SandboxBanner } from "./components/SandboxBanner";
import { ServerNotice } from "./components/ServerNotice";
import { Login } from "./pages/Login";

const Shell = lazy(() => import("./components/Shell"));
const Dashboard = lazy(() => import("./pages/Dashboard"));
const Declarations = lazy(() => import("./pages/Declarations"));
const NewDeclaration = lazy(() => import("./pages/NewDeclaration"));
const DeclarationPage = lazy(() => import("./pages/Declaration"));
const Audit = lazy(() => import("./pages/Audit"));
const Clusters = lazy(() => import("./pages/Clusters"));
const Users = lazy(() => import("./pages/Users"));
const NotFound = lazy(() => import("./pages/NotFound"));

export function App() {
  const ping = usePing();
  const session = useSession();
  const pong = ping.data;
  const starting = session.status === "starting";
  const userId = session.status === "in" ? session.user.sub : null;

  useEffect(() => {
    if (pong !== undefined) console.log(pong);
  }, [pong]);

  // The refresh cookie, if there is one, brings the session back after a reload.
  useEffect(() => {
    if (starting && ping.isSuccess) refresh().catch(() => undefined);
  }, [starting, ping.isSuccess, ping.dataUpdatedAt]);

  // When the server is back, what could not be fetched is.
  useEffect(() => {
    if (ping.isError) return () => void queryClient.invalidateQueries({ predicate: isPersonal });
  }, [ping.isError]);

  // What one account has seen is not for the next one.
  useEffect(() => {
    if (userId !== null) return () => queryClient.removeQueries({ predicate: isPersonal });
  }, [userId]);

  return (
    <>
      <SandboxBanner />
      <ServerNotice reachable={!ping.isError} checking={ping.isFetching} />
      <ErrorBoundary>
        <Suspense fallback={<Loading />}>
          <Routes>
            <Route path="/login" element={<Login />} />
            <Route element={<LoggedIn />}>
              <Route element={<Shell />}>
                <Route index element={<Navigate to="/dashboard" replace />} />
                <Route path="/dashboard" element={<Dashboard />} />
                <Route path="/declarations" element={<Declarations />} />
                <Route path="/declarations/new" element={<NewDeclaration />} />
                <Route path="/declarations/:id" element={<DeclarationPage />} />
                <Route path="/audit" element={<Audit />} />
                <Route path="/clusters" element={<Clusters />} />
                <Route path="/users" element={<Users />} />
                <Route path="*" element={<NotFound />} />
              </Route>
            </Route>
          </Routes>
        </Suspense>
      </ErrorBoundary>
    </>
  );
}

function isPersonal(query: { queryKey: readonly unknown[] }): boolean {
  return query.queryKey[0] !== "ping" && query.queryKey[0] !== "about";
}

function LoggedIn() {
  const session = useSession();
  const { pathname, search } = useLocation();
  if (session.status === "starting") return <Loading />;
  if (session.status === "out") {
    return <Navigate to="/login" replace state={{ from: pathname + search }} />;
  }
  return <Outlet />;
}
