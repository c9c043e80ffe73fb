using Stoa.Node.Hosting;
using Stoa.Node.Identity;

namespace Stoa.Cli.Tour;

/// <summary>A node in this process, from its start to its end.</summary>
internal sealed class LocalNode : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly Task<int> _run;
    private readonly StringWriter _errors;

    private LocalNode(CancellationTokenSource stop, Task<int> run, StringWriter errors, NodeStarted started) =>
        (_stop, _run, _errors, Started) = (stop, run, errors, started);

    /// <summary>What the first administrator of a node is called, unless its options say otherwise.</summary>
    public static string Administrator { get; } = new IdentityOptions().AdminHandle;

    public NodeStarted Started { get; }

    /// <exception cref="CommandFailure">It cannot start; the message says why.</exception>
    public static async Task<LocalNode> StartAsync(
        IReadOnlyList<string> arguments, Func<int, string, CommandFailure> failure, CancellationToken cancellationToken)
    {
        var started = new TaskCompletionSource<NodeStarted>(TaskCreationOptions.RunContinuationsAsynchronously);
        var errors = new StringWriter();
        var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var run = Task.Run(() => NodeProgram.RunAsync(arguments, started.SetResult, errors, stop.Token), CancellationToken.None);
        if (await Task.WhenAny(started.Task, run) == started.Task)
            return new LocalNode(stop, run, errors, await started.Task);
        stop.Dispose();
        var exitCode = await run;
        cancellationToken.ThrowIfCancellationRequested();
        throw failure(exitCode, errors.ToString());
    }

    /// <summary>Completes when the node has ended, by itself or because it was asked to.</summary>
    /// <returns>0 when all was well.</returns>
    public Task<int> EndAsync() => _run;

    /// <summary>Asks it to stop and waits until it has.</summary>
    /// <returns>0 when all was well.</returns>
    public async Task<int> StopAsync()
    {
        await _stop.CancelAsync();
        return await _run;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
        await _errors.DisposeAsync();
    }
}
