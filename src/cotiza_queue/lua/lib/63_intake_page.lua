-- Takes a page of jobs in: those of a call, or those of the inbox (66_inbox.lua), each behind the moment when it came;
-- these have been answered already. Returns the answers, and whether all of them are new and waiting.
function intake.page(q, list, fields)
  local posted, jobs, ids, names, n = fields > intake.fields, {}, {}, {}, #list / fields
  for i = 1, n do
    local asked = intake.parse(list, i * fields - 1)
    if asked.delay > 0 then delayed.begin(q) end
    if posted then standby.note(asked, list[i * fields - 2]) end
    jobs[i], ids[i], names[i] = asked, asked.id, asked.tenant
  end
  job.fetch(q, ids)
  tenant.fetch(q, names)
  local answers, plain = { q.now }, true
  for i = 1, n do
    local answer = intake.accept(q, jobs[i], not posted)
    answers[i + 1], plain = answer, plain and answer == 1
    if jobs[i].handed_to and answer == 1 then standby.start(q, jobs[i]) end
  end
  return answers, plain
end
