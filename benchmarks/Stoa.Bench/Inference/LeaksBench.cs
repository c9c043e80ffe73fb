using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Stoa.Faults.Nodes;

namespace Stoa.Bench.Inference;

/// <summary>A million requests through a node whose servers fail now and then, in every way, and whose clients go away now and then: all are answered that wait for it, and nothing of them stays.</summary>
internal static class LeaksBench
{
    /// <summary>Each of the servers but one fails one request in so many.</summary>
    public const int FaultEvery = 50;

    private const int Requests = 1_000_000;
    private const int WarmUp = 100_000;
    private const int Connections = 32;
    private const int Servers = 3;

    // One client in so many goes away as soon as it has asked, and one in so many asks for a stream.
    private const int GoneEvery = 500;
    private const int StreamEvery = 10;

    /// <param name="run">Told of progress.</param>
    /// <param name="figures">Gets the figures.</param>
    /// <param name="node">Asked.</param>
    /// <param name="model">Registered with the servers.</param>
    /// <param name="request">Bytes of one.</param>
    /// <param name="streamed">Bytes of one for a stream.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task AddAsync(BenchmarkRun run, Figures figures, NodeProcess node, string model, byte[] request, byte[] streamed, CancellationToken cancellationToken)
    {
        await using var watchdog = new Watchdog();
        using var http = new HttpClient { BaseAddress = node.Address };
        http.DefaultRequestHeaders.Authorization = new("Bearer", node.AdminKey);
        for (var server = 0; server < Servers; server++)
        {
            // One that never fails: while another lives, nobody is to notice.
            await InferenceBench.RegisterAsync(node, model, InferenceBench.StartStub(watchdog, server == 0 ? StubServer.Word : StubServer.FaultyWord), cancellationToken);
        }

        var chat = new Uri(node.Address, "v1/chat/completions");
        run.Tell($"{WarmUp:N0} requests to warm up");
        await AskAsync(chat, request, streamed, WarmUp, cancellationToken);
        var before = await MeasureAsync(node, http, cancellationToken);
        run.Tell($"{Requests:N0} requests, of which one in {StreamEvery} is a stream, servers fail one in {FaultEvery} and clients give up one in {GoneEvery}");
        var start = Stopwatch.GetTimestamp();
        var answered = await AskAsync(chat, request, streamed, Requests, cancellationToken);
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var after = await MeasureAsync(node, http, cancellationToken);
        if (after.Failed - before.Failed < Requests / FaultEvery / 10)
            throw new BenchmarkException($"The servers failed {after.Failed - before.Failed} requests only, so this run shows nothing.");
        figures.Add("leaks_requests", Requests);
        figures.Add("leaks_answered", answered);
        figures.Add("leaks_requests_per_s", Requests / seconds);
        figures.Add("leaks_faults_of_servers", after.Failed - before.Failed);
        figures.Add("leaks_places_kept", after.Outstanding);
        figures.Add("leaks_rss_mb_100k", before.Resident / 1e6);
        figures.Add("leaks_rss_mb_1m", after.Resident / 1e6);
        figures.Add("leaks_files_100k", before.Files);
        figures.Add("leaks_files_1m", after.Files);
        figures.Notes.Add($"of {Requests:N0} requests {Requests / GoneEvery:N0} gave up without waiting for an answer; each of the others was answered with 200, whatever its server did");
    }

    /// <summary>Asks so often, over several connections.</summary>
    /// <returns>How many were answered; all others gave up themselves.</returns>
    private static async Task<long> AskAsync(Uri address, byte[] request, byte[] streamed, int count, CancellationToken cancellationToken)
    {
        var left = count;
        long answered = 0;
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => Task.Run(
            async () =>
            {
                var connection = await HttpLoad.Connection.OpenAsync(address, cancellationToken);
                try
                {
                    for (int number; (number = Interlocked.Decrement(ref left)) >= 0;)
                    {
                        if (number % GoneEvery == 0)
                        {
                            await connection.SendAsync(number % (2 * GoneEvery) == 0 ? request : streamed, cancellationToken);
                            connection.Dispose();
                            connection = await HttpLoad.Connection.OpenAsync(address, cancellationToken);
                            continue;
                        }

                        await connection.AskAsync(number % StreamEvery == 1 ? streamed : request, cancellationToken);
                        Interlocked.Increment(ref answered);
                    }
                }
                finally
                {
                    connection.Dispose();
                }
            },
            cancellationToken)));
        return answered;
    }

    private static async Task<(long Resident, int Files, long Outstanding, long Failed)> MeasureAsync(NodeProcess node, HttpClient http, CancellationToken cancellationToken)
    {
        // Idle connections and what was held for a while are given up by themselves.
        await Task.Delay(TimeSpan.FromSeconds(15), cancellationToken);
        var list = (await http.GetFromJsonAsync<JsonNode>("/api/v1/replicas", cancellationToken))!["items"]!.AsArray();
        long Sum(string name) => list.Sum(replica => replica!["figures"]![name]!.GetValue<long>());
        return (node.ResidentBytes, node.OpenFiles, Sum("outstandingRequests") + Sum("outstandingTokens"), Sum("failed"));
    }
}
