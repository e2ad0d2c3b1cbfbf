-- A short line: a tenant of few jobs needs no list for it. Up to two are named in its record, behind a slash, with a blank
-- between them, the older one first; of the record's lane alone, and while nobody is in the list.
local head = { most = 2 }

-- Where it begins in the record's text, nil if nobody is there.
local function start(t, number) return number == t.lane and string.find(t.text, '/', 1, true) or nil end

function head.ids(t, number)
  local at = start(t, number)
  return at and blocks.words(string.sub(t.text, at + 1)) or {}
end

-- True if the job has its place there: nobody is behind the lane, or one that is there as well.
function head.add(t, number, id)
  local n = t[-number] or 0
  if n >= head.most or t.lane and t.lane ~= number then return false end
  if n > 0 and not start(t, number) then return false end
  t.text = t.text .. (n > 0 and ' ' or '/') .. id
  return true
end

-- Takes out the first one.
function head.pop(t, number)
  local at, text = start(t, number), t.text
  if not at then return nil end
  local stop = at + blocks.bytes
  if (string.byte(text, at + 1) or 0) < blocks.first then stop = (string.find(text, ' ', at, true) or #text + 1) - 1 end
  t.text = string.sub(text, 1, stop < #text and at or at - 1) .. string.sub(text, stop + 2)
  return string.sub(text, at + 1, stop)
end

-- Takes out all.
function head.take(t, number)
  local at = start(t, number)
  if not at then return {} end
  local ids = head.ids(t, number)
  t.text, t.changed = string.sub(t.text, 1, at - 1), true
  return ids
end
