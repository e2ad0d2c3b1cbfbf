-- A job that was handed to a worker as it came starts there once it has its place: nothing else waited then, so it is
-- what a take brings. That token is given out, and the worker no longer on standby.
function standby.start(q, j)
  q.version, q.hinted = j.options.version or 1, false
  queue.tokens(q, 1)
  standby.keep(q, j)
  if delivery.take(q, j.handed_to, 1)[1] == j then j.token, j.started = j.token_there, j.came end
end
