using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Primitives;

namespace Stoa.Faults.Load;

/// <summary>A server that is told of events, and now and then has no time for it.</summary>
internal sealed class WebhookReceiver : IAsyncDisposable
{
    private const int FailsOneIn = 200;

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, Received> _received = new(StringComparer.Ordinal);
    private readonly FaultReport _report;
    private int _calls;

    private WebhookReceiver(WebApplication app, FaultReport report) => (_app, _report) = (app, report);

    /// <summary>What came, by webhook-id.</summary>
    public IReadOnlyDictionary<string, Received> All => _received;

    /// <summary>How many calls came.</summary>
    public int Calls => _calls;

    public string Url => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single() + "/hook";

    public static async Task<WebhookReceiver> StartAsync(FaultReport report)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var receiver = new WebhookReceiver(builder.Build(), report);
        receiver._app.Run(receiver.TakeAsync);
        await receiver._app.StartAsync();
        return receiver;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var id = context.Request.Headers["webhook-id"].ToString();
        using var json = JsonDocument.Parse(body.ToArray());
        var received = new Received(
            json.RootElement.GetProperty("id").GetString()!,
            json.RootElement.GetProperty("type").GetString()!,
            json.RootElement.GetProperty("subject").GetString()!,
            ContentHash.Of(body.ToArray()));
        if (_received.GetOrAdd(id, received) != received)
            _report.Break($"The webhook-id {id} came with two bodies.");
        context.Response.StatusCode = Interlocked.Increment(ref _calls) % FailsOneIn == 0 ? 503 : 204;
    }

    /// <summary>A delivery.</summary>
    /// <param name="EventId">Of the CloudEvent.</param>
    /// <param name="Type">Of the CloudEvent.</param>
    /// <param name="Subject">Of the CloudEvent.</param>
    /// <param name="Body">What came, whole.</param>
    internal sealed record Received(string EventId, string Type, string Subject, ContentHash Body);
}
