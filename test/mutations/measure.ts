import { mutations } from './mutations.ts';
import { firstFailingSeed } from './run-mutated.ts';

// [COUNT] [NAME...]: prints how many seeds, from seed 1 on, the simulator needs for each known fault; all by default.
const [count = '2000', ...names] = process.argv.slice(2);
for (const { name, caughtBy } of mutations) {
  if (names.length > 0 ? !names.includes(name) : caughtBy.by !== 'simulator') continue;
  const failing = await firstFailingSeed(name, { first: 1, count: Number(count) });
  console.log(
    failing === undefined ? `${name}: more than ${count}` : `${name}: ${failing.seed} ${failing.anomalies[0]}`,
  );
}
