-- One call, answered whole: breaker, places, rates; all of it is counted or nothing (see valkey_store.py).
--
-- KEYS: the epoch; how often each gate asked; the caller's breaker; the rates; the places.
-- ARGV: epoch, when it was born in debt (0: it was not), gate, number of rates,
--       for each rate: microseconds per unit, microseconds of room, what it counts (c, i, o), observed,
--       for each place: how many, observed,
--       then of the call: id, bytes of input, counted, reaches an upstream, only a look, seconds of a lease.
-- Answers with words: `A failures probe asked`, then uses left and seconds for each rate, then `o` and what
-- was overrun; or `R kind number microseconds`, counting nothing (-1: never).
-- Times are the store's own, in microseconds. Nothing is rounded in the caller's favour.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return redis.error_reply('EPOCH is another one')
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local born = tonumber(ARGV[2])
local rates = tonumber(ARGV[4])
local places = #KEYS - 3 - rates
local place_at = 4 + 4 * rates
local call_at = place_at + 2 * places
local id = ARGV[call_at + 1]
local input = tonumber(ARGV[call_at + 2])
local counted = ARGV[call_at + 3] == '1'
local reaches = ARGV[call_at + 4] == '1'
local look = ARGV[call_at + 5] == '1'
local lease = tonumber(ARGV[call_at + 6]) * 1000000

local function number(text)
    local value = tonumber(text)
    if not value or value ~= value then
        error('a counter holds something else')
    end
    return value
end

-- The breaker: closed, open, or open and letting one probe through.
local caller = redis.call('HMGET', KEYS[3], 'failures', 'open_until', 'probe_until')
local failures = caller[1] and number(caller[1]) or 0
local probe = 0
if caller[2] then
    local wait = number(caller[2]) - now
    if wait > 0 then
        if not look then return 'R b ' .. failures .. ' ' .. string.format('%.0f', wait) end
    elseif reaches then
        if caller[3] and number(caller[3]) > now then
            if not look then return 'R b ' .. failures .. ' 1000000' end
        else
            probe = 1
        end
    end
end

local overruns = {}
if reaches then
    for index = 1, places do
        local key = KEYS[3 + rates + index]
        local most = tonumber(ARGV[place_at + 2 * index - 1])
        if redis.call('ZCOUNT', key, '(' .. string.format('%.0f', now), '+inf') >= most then
            if ARGV[place_at + 2 * index] == '1' then
                overruns[#overruns + 1] = 'p' .. index
            elseif not look then
                return 'R p ' .. index .. ' 1000000'
            end
        end
    end
end

local empty_at, add, left, refused, wait = {}, {}, {}, 0, 0
for index = 1, rates do
    local at = 4 * index + 1
    local unit, room, kind = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ARGV[at + 2]
    local found = redis.call('GET', KEYS[3 + index])
    local empty = found and number(found) or (born > 0 and born + room or 0)
    if empty < now then empty = now end
    local need, takes = unit, true
    if kind == 'i' then
        need = math.ceil(input * unit)
    elseif kind == 'o' then
        need, takes = math.ceil(unit), false
    end
    local excess = empty + need - now - room
    if counted and excess > 0 then
        takes = false
        if ARGV[at + 3] == '1' then
            overruns[#overruns + 1] = 'r' .. index
        elseif not look then
            if refused == 0 then refused = index end
            if need > room then wait = -1 elseif wait >= 0 and excess > wait then wait = excess end
        end
    end
    empty_at[index] = empty
    add[index] = (takes and counted and not look) and need or 0
    left[index] = kind == 'c' and unit or 0
end
if refused > 0 then
    return 'R r ' .. refused .. ' ' .. string.format('%.0f', wait)
end

local asked = 0
if not look then
    asked = redis.call('HINCRBY', KEYS[2], ARGV[3], 1)
    if probe == 1 then
        redis.call('HSET', KEYS[3], 'probe', id, 'probe_until', string.format('%.0f', now + 60000000))
    end
    if reaches then
        for index = 1, places do
            local key = KEYS[3 + rates + index]
            redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now))
            redis.call('ZADD', key, string.format('%.0f', now + lease), id)
            redis.call('PEXPIRE', key, lease / 500)
        end
    end
end
local words = { 'A', failures, probe, asked }
for index = 1, rates do
    local empty = empty_at[index] + add[index]
    if add[index] > 0 then
        redis.call('SET', KEYS[3 + index], string.format('%.0f', empty), 'PX',
            string.format('%.0f', math.ceil((empty - now) / 1000) + 1000))
    end
    if left[index] > 0 then
        local room = tonumber(ARGV[4 * index + 2])
        words[#words + 1] = string.format('%.0f', math.max(0, math.floor((room - (empty - now)) / left[index])))
        words[#words + 1] = string.format('%.0f', math.ceil((empty - now) / 1000000))
    end
end
if #overruns > 0 then
    words[#words + 1] = 'o'
    for _, name in ipairs(overruns) do words[#words + 1] = name end
end
return table.concat(words, ' ')
