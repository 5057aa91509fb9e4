// Prints for each name given its addresses, or "-" where there are none: by c-ares, which searches nothing itself, so that
// names come whole; or, with "lookup" as the first word, by the system's getaddrinfo.
import { promises as dns } from "node:dns";

const [how, ...names] = process.argv.slice(2);

async function ask(name) {
  if (how === "lookup") {
    return (await dns.lookup(name, { all: true })).map((each) => each.address);
  }
  const both = await Promise.allSettled([dns.resolve4(name), dns.resolve6(name)]);
  return both.flatMap((each) => each.value ?? []);
}

for (const name of names) {
  const found = await ask(name).catch(() => []);
  console.log(name, found.length ? found.join(" ") : "-");
}
