using System.Net;
using Stoa.Market;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Node.Storage;

namespace Stoa.Node.Observability;

/// <summary>What operators and their machines ask a node: is it alive, is it ready, how does it do?</summary>
public static class ObservabilityEndpoints
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    public static void MapObservability(this IEndpointRouteBuilder app)
    {
        // Counting begins now, not when the figures are first asked for.
        app.ServiceProvider.GetRequiredService<Metrics>();
        app.MapGet("/health", () => TypedResults.Text("live\n"))
            .WithName("getHealth").WithTags("Operations").WithSummary("Is the node alive?")
            .WithDescription("Answers as long as the process can answer anything. When it does not, restart it.")
            .Produces<string>(StatusCodes.Status200OK, "text/plain");
        app.MapGet("/ready", GetReadyAsync)
            .WithName("getReady").WithTags("Operations").WithSummary("Is the node ready?")
            .WithDescription("Whether the storage is reachable and the workers run. When not, send requests elsewhere; errors tells what is wrong.")
            .Produces<string>(StatusCodes.Status200OK, "text/plain")
            .Refuses(RequestRefusal.Unavailable);
        app.MapGet("/metrics", GetMetrics)
            .WithName("getMetrics").WithTags("Operations").WithSummary("Figures for Prometheus")
            .WithDescription("Counters, gauges and histograms in the Prometheus text format. For clients on the node's own machine, and for administrators.")
            .Produces<string>(StatusCodes.Status200OK, "text/plain")
            .Refuses(RequestRefusal.Forbidden);
    }

    private static async Task<IResult> GetReadyAsync(
        IEnumerable<ReadinessCheck> checks, IHostApplicationLifetime lifetime, CancellationToken cancellationToken)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            return RequestRefusal.Unavailable.ToProblem("The node is stopping.");
        var faults = new List<FieldError>();
        foreach (var check in checks)
        {
            if (await FindFaultAsync(check, cancellationToken) is { } fault)
                faults.Add(new FieldError("", $"{check.Name}: {fault}"));
        }

        return faults.Count == 0
            ? TypedResults.Text("ready\n")
            : RequestRefusal.Unavailable.ToProblem("The node is not ready: see errors.", faults);
    }

    /// <summary>The check of the room that has no module of its own.</summary>
    internal static ReadinessCheck CheckStorage(Database database) => new("storage", async cancellationToken =>
    {
        await database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT count(*) FROM schema_migrations"), cancellationToken);
        return null;
    });

    private static async Task<string?> FindFaultAsync(ReadinessCheck check, CancellationToken cancellationToken)
    {
        try
        {
            return await check.FindFaultAsync(cancellationToken).WaitAsync(s_patience, cancellationToken);
        }
        catch (TimeoutException)
        {
            return $"no answer in {s_patience.TotalSeconds:0} seconds.";
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            return fault.Message;
        }
    }

    private static IResult GetMetrics(HttpContext context, Caller? caller, Metrics metrics)
    {
        var local = context.Connection.RemoteIpAddress is not { } address || IPAddress.IsLoopback(address);
        return local || caller is { IsAdmin: true }
            ? TypedResults.Text(metrics.Write(), "text/plain; version=0.0.4; charset=utf-8")
            : RequestRefusal.Forbidden.ToProblem("Figures are for clients on this machine and for administrators.");
    }
}
