// Direct access to the tables of a store, for what the program itself would never write.
import { spawnSync } from "node:child_process";

const SCRIPT = `
import json, sqlite3, sys
store = sqlite3.connect(sys.argv[1])
store.row_factory = sqlite3.Row
answers = [[dict(row) for row in store.execute(*statement)] for statement in json.load(sys.stdin)]
store.commit()
json.dump(answers, sys.stdout)
`;

// Executes statements with their parameters in one transaction, and returns the rows of each.
export function execute(store, statements) {
  const input = JSON.stringify(statements.map(([text, ...parameters]) => [text, parameters]));
  const done = spawnSync("python3", ["-c", SCRIPT, store], { input, encoding: "utf8", maxBuffer: 1 << 30 });
  if (done.status !== 0) throw new Error(`the statements failed: ${done.stderr ?? done.error}`);
  return JSON.parse(done.stdout);
}

export const rows = (store, ...statement) => execute(store, [statement])[0];
