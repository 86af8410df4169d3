-- Walks the credentials of the file that is its argument, a header a line, and prints one line of numbers at the end.
local requests, at = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    local headers = { ["Host"] = "app.example.com", ["User-Agent"] = "bench", ["Accept"] = "*/*" }
    local name, value = line:match("^([^:]+): (.*)$")
    if name then
      headers[name] = value
    end
    requests[#requests + 1] = wrk.format("GET", "/me", headers)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("figures %d %d %d %d %d\n", summary.duration, summary.requests,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status,
    latency:percentile(50), latency:percentile(99)))
end
