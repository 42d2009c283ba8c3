// Forms sent by script: same routes, same fields; a refusal comes back as a problem with words for people.
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || "The server answered with an error.");
    this.status = status;
    this.problem = problem;
  }
}

/** Sends a form; answers the address to see next. Throws Refused (the server said no) or TypeError (no answer). */
export async function send(action, fields, { timeout = 20000 } = {}) {
  const body = new URLSearchParams(fields);
  if (!body.has("csrf")) body.set("csrf", document.body.dataset.csrf);
  const response = await fetch(action, {
    method: "POST",
    body,
    headers: { "X-FlowPilot-Script": "1" },
    signal: AbortSignal.timeout(timeout),
  });
  if (response.ok) return response.headers.get("FlowPilot-Location");
  const problem = await response.json().catch(() => ({}));
  throw new Refused(response.status, problem);
}
