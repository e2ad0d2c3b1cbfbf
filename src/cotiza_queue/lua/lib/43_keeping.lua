-- Retention by bytes: what the ended jobs of a queue may hold together, payloads and results. Over it, those go that
-- would go soonest anyway.
local keeping = {}

-- The ended jobs in the order in which they expire, at most `page` of each status.
local function soonest(q, page)
  local rows = {}
  for _, status in ipairs({ 'completed', 'failed', 'cancelled' }) do
    for _, row in ipairs(ended.oldest(q, status, 0, page)) do
      rows[#rows + 1], row[4] = row, #rows
    end
  end
  table.sort(rows, function(a, b) return a[2] < b[2] or a[2] == b[2] and a[4] < b[4] end)
  return rows
end

-- Removes at most `limit` jobs, until the rest fits. Returns how many.
function keeping.shed(q, page, limit)
  local most = tonumber(redis.call('HGET', q.prefix .. 'meta', 'retain_bytes'))
  if not most or limit <= 0 then return 0 end
  local held = tonumber(redis.call('HGET', q.prefix .. 'counts', 'kept_bytes')) or 0
  local over, removed = held + (q.counts.kept_bytes or 0) - most, 0
  for _, row in ipairs(over > 0 and soonest(q, page) or {}) do
    if over <= 0 or removed == limit then break end
    local j = job.read(q, row[1])
    if j and j.finished > 0 then
      over, removed = over - j.size, removed + 1
      job.remove(q, j)
    end
  end
  return removed
end
