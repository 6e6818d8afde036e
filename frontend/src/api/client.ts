import axios, { AxiosError } from "axios";

import { toProblem } from "./problem";
import { accessToken, refresh } from "./session";

declare module "axios" {
  interface AxiosRequestConfig {
    /** Set on a call that is sent again with a fresh token. */
    retried?: boolean;
  }
}

/** Longer than any `?wait=` the UI asks for, in ms. */
const TIMEOUT = 30_000;

/** MycoPod's API with the session's token; every failure is a `Problem`. */
export const api = axios.create({ baseURL: "/api/v1", timeout: TIMEOUT });

api.interceptors.request.use((config) => {
  const token = accessToken();
  if (token) config.headers.set("Authorization", `Bearer ${token}`);
  return config;
});

api.interceptors.response.use(undefined, async (error: unknown) => {
  const config = error instanceof AxiosError ? error.config : undefined;
  const expired =
    error instanceof AxiosError && error.response?.status === 401 && accessToken() !== null;
  if (!config || !expired || config.retried) throw toProblem(error);
  await refresh();
  return api.request({ ...config, retried: true });
});
