-- What is kept of a tenant, in the hash `tenants`. Four numbers: `there`, how many of its jobs have not started; a lane, how
-- many stand in it, and how many are behind these. Then a text: which jobs are its own (55_newest.lua), and a short line
-- for that lane (57_backlog_head.lua); before them an equals sign if the tenant is `listed`. Of most tenants the numbers
-- are a byte each, below 128. Of others all are packed values: the numbers, what few have (`limits`, a map of what the
-- tenant may do, since when and until when, with `active`, how many run, where that is capped; a list of such threes of
-- further lanes), and the text. In a script, `t[n]` stand in lane n and `t[-n]` are behind them; `t.lane` is the lane,
-- `t.others` further ones. Read once a call (`q.opened`), and written once, at its end; of a tenant with nothing left
-- nothing is kept.
local tenant = { window = 2, none = {} }
local LISTED = 61 -- an equals sign
local BEGINS = { [32] = true, [47] = true, [LISTED] = true } -- a text: with a blank, a slash, or that

-- What is no record of ours tells nothing: the doctor counts anew.
local function new(name)
  return { name = name, there = 0, limits = tenant.none, lane = false, changed = false, text = '' }
end

local function read_text(t, text)
  t.text = text
  if string.byte(text) == LISTED then t.text, t.listed = string.sub(text, 2), true end
end

local function unusual(name, whole, there, number, inside, behind, limits, others, text)
  if not whole or not behind then return new(name) end
  local t = new(name)
  t.there, t.lane, t[number], t[-number] = there, number > 0 and number, inside, behind
  t.limits = limits or tenant.none
  read_text(t, type(text) == 'string' and text or '')
  for i = 1, others and #others or 0, 3 do
    t.others = t.others or {}
    t.others[#t.others + 1], t[others[i]], t[-others[i]] = others[i], others[i + 1], others[i + 2]
  end
  return t
end

-- One that has no record is new.
function tenant.unpacked(name, packed)
  if not packed then return new(name) end
  local there, number, inside, behind, text = string.byte(packed, 1, 5)
  if behind and there < 128 and number < 128 and inside < 128 and behind < 128 and (not text or BEGINS[text]) then
    local t = { name = name, there = there, limits = tenant.none, lane = number > 0 and number, changed = false,
      text = text and string.sub(packed, 5) or '', [number] = inside, [-number] = behind }
    if text == LISTED then read_text(t, t.text) end
    return t
  end
  return unusual(name, pcall(cmsgpack.unpack, packed))
end
