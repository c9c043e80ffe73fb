using System.Net;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Hosting;

namespace Stoa.Node.Tests.Observability;

/// <summary>What operators see of a running node.</summary>
public sealed partial class OperationsTests(SharedNode shared) : IClassFixture<SharedNode>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private RunningNode Node => shared.Node;

    [Fact]
    public async Task Node_IsAliveAndReady()
    {
        (await Node.Anonymous.GetStringAsync("/health", Stop)).ShouldBe("live\n");
        (await Node.Anonymous.GetStringAsync("/ready", Stop)).ShouldBe("ready\n");
    }

    [Fact]
    public async Task Node_CutOffFromItsStorage_IsAliveButNotReady()
    {
        var node = await RunningNode.StartAsync();
        await node.Service<Database>().DisposeAsync();

        using var ready = await node.Anonymous.GetAsync("/ready", Stop);

        ready.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await RunningNode.ReadProblemAsync(ready)).Errors!.ShouldContain(error => error.Reason.StartsWith("storage: ", StringComparison.Ordinal));
        (await node.Anonymous.GetStringAsync("/health", Stop)).ShouldBe("live\n");
        await node.DisposeAsync();
    }

    [Fact]
    public async Task Metrics_AreWellFormedAndCountRequests()
    {
        await Node.Anonymous.GetStringAsync("/health", Stop);

        var lines = (await Node.Anonymous.GetStringAsync("/metrics", Stop)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        foreach (var line in lines)
            (Sample().IsMatch(line) || Comment().IsMatch(line)).ShouldBeTrue(line);
        lines.Where(line => line.StartsWith("# TYPE", StringComparison.Ordinal)).ShouldBeUnique();
        lines.ShouldContain(line => line.StartsWith("http_server_request_duration_seconds_count{", StringComparison.Ordinal)
            && line.Contains("http_route=\"/health\"", StringComparison.Ordinal));
        lines.ShouldContain(line => line.StartsWith("dotnet_gc_heap_total_allocated_bytes_total", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Histogram_BucketsRiseToTheCount()
    {
        await Node.Anonymous.GetStringAsync("/ready", Stop);
        var lines = (await Node.Anonymous.GetStringAsync("/metrics", Stop)).Split('\n')
            .Where(line => line.StartsWith("http_server_request_duration_seconds", StringComparison.Ordinal) && line.Contains("\"/ready\"", StringComparison.Ordinal))
            .ToArray();

        var buckets = lines.Where(line => line.Contains("_bucket{", StringComparison.Ordinal)).Select(ValueOf).ToArray();

        buckets.Length.ShouldBeGreaterThan(5);
        buckets.ShouldBeInOrder();
        buckets[^1].ShouldBe(ValueOf(lines.Single(line => line.Contains("_count{", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task Trace_OfTheCallerIsCarriedOn()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/health");
        request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

        await using var node = await RunningNode.StartAsync("--observability:logLevel", "critical");
        using var response = await node.Anonymous.SendAsync(request, Stop);

        response.Headers.GetValues("Trace-Id").Single().ShouldBe("0af7651916cd43dd8448eb211c80319c");
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/reference")]
    [InlineData("/problems")]
    [InlineData("/problems/insufficientFunds")]
    public async Task Page_IsWholeInItselfAndMayLoadNothingFromElsewhere(string path)
    {
        using var response = await Node.Anonymous.GetAsync(path, Stop);
        var html = await response.Content.ReadAsStringAsync(Stop);

        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/html");
        response.Headers.GetValues("Content-Security-Policy").Single().ShouldStartWith("default-src 'none'");
        foreach (Match link in Link().Matches(html))
        {
            var target = link.Groups[1].Value;
            target.ShouldStartWith("/");
            (await Node.Anonymous.GetAsync(target, Stop)).StatusCode.ShouldBe(HttpStatusCode.OK, target);
        }
    }

    [Fact]
    public async Task Icon_WhereBrowsersLookForIt_IsThatOfThePages()
    {
        using var response = await Node.Anonymous.GetAsync("/favicon.ico", Stop);

        response.StatusCode.ShouldBe(HttpStatusCode.MovedPermanently);
        var icon = await Node.Anonymous.GetAsync(response.Headers.Location, Stop);
        icon.Content.Headers.ContentType!.MediaType.ShouldBe("image/svg+xml");
    }

    [Fact]
    public async Task Answer_IsGuardedAgainstCuriousBrowsersAndCaches()
    {
        using var response = await Node.Admin.GetAsync("/api/v1/wallet", Stop);

        response.Headers.GetValues("X-Content-Type-Options").Single().ShouldBe("nosniff");
        response.Headers.CacheControl!.NoStore.ShouldBeTrue();
        response.Headers.Contains("Server").ShouldBeFalse();
        response.Headers.Contains("Access-Control-Allow-Origin").ShouldBeFalse();
    }

    [Fact]
    public async Task Text_IsCompressedForWhoTakesIt()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/openapi/v1.json");
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("br"));

        using var response = await Node.Anonymous.SendAsync(request, Stop);

        response.Content.Headers.ContentEncoding.ShouldBe(["br"]);
    }

    [Fact]
    public async Task Origin_ThatIsAllowed_MayCallFromABrowser()
    {
        await using var node = await RunningNode.StartAsync("--http:allowedOrigins:0", "https://console.example.org");
        foreach (var (origin, allowed) in new[] { ("https://console.example.org", true), ("https://evil.example.org", false) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/agents");
            request.Headers.Add("Origin", origin);
            using var response = await node.Anonymous.SendAsync(request, Stop);
            response.Headers.Contains("Access-Control-Allow-Origin").ShouldBe(allowed);
        }
    }

    private static double ValueOf(string line) => double.Parse(line[(line.LastIndexOf(' ') + 1)..], null);

    [GeneratedRegex("""^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*"(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*")*\})? ([+-]Inf|NaN|-?[0-9.]+(E[+-]?[0-9]+)?)$""")]
    private static partial Regex Sample();

    [GeneratedRegex(@"^# (HELP [a-zA-Z_:][a-zA-Z0-9_:]* .+|TYPE [a-zA-Z_:][a-zA-Z0-9_:]* (counter|gauge|histogram))$")]
    private static partial Regex Comment();

    [GeneratedRegex("""(?:href|src)="([^"#]+)""")]
    private static partial Regex Link();
}
