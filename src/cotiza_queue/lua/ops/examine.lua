-- examine: judges a page of what a queue holds, and puts it right if asked to; see lib/80_audit.lua and those after it.
-- KEYS     meta
-- ARGS     fix (0 | 1), part, then what that part takes:
--          types: [name type] each | inbox | jobs, runs: names of hashes of records | named: job ids |
--          lines: most, job ids |
--          entries, pending: lane after limit | letters: after limit | members: name members | newest: tenants |
--          bodies: places | parts: [name owner] each | uniques, ends: names | listed: schedule ids |
--          counters: most, lane numbers with commas, tenants
-- RETURNS  [where a page goes on or "", [code subject detail per finding]]; codes that begin with ? are no findings
-- EDGE     active -> waiting
-- EMITS    waiting
-- ERRORS   none
-- COST     O(page); lines: O(entries to be read in a lane); counters: O(entries in lanes and members of the index); both at
--          most `most` of each
-- FLAGS    allow-oom
local function examine(keys, args)
  -- Where keys have another type, or what comes first is no job, nothing else can be done before they are put right.
  local first = args[2] == 'types' or args[2] == 'inbox'
  local q = (first and queue.look or queue.open)(keys[1])
  q.fix, q.found = args[1] == '1', {}
  local rest = {}
  for i = 3, #args do rest[#rest + 1] = args[i] end
  local more = audit[args[2]](q, rest) or ''
  if q.fix then queue.close(q) end
  return { more, q.found }
end
