using Stoa.Node.Storage;

namespace Stoa.Node.Hosting;

/// <summary>The node as a program: what <c>Stoa.Node</c> and <c>stoa up</c> run.</summary>
public static class NodeProgram
{
    /// <summary>Runs a node until it is stopped.</summary>
    /// <param name="args">See <see cref="NodeConfiguration"/>.</param>
    /// <param name="started">Told once the node takes requests.</param>
    /// <param name="errors">Where to say why it could not start.</param>
    /// <param name="cancellationToken">Stops the node.</param>
    /// <returns>0: stopped as asked. 1: the storage or the address cannot be used. 2: options are wrong.</returns>
    public static async Task<int> RunAsync(
        IReadOnlyList<string> args, Action<NodeStarted> started, TextWriter errors, CancellationToken cancellationToken)
    {
        try
        {
            await using var node = await NodeHost.BuildAsync(args, cancellationToken: cancellationToken);
            started(await node.StartAsync(cancellationToken));
            await node.WaitForShutdownAsync(cancellationToken);
            return 0;
        }
        catch (BadOptionsException bad)
        {
            await errors.WriteLineAsync(bad.Message);
            return 2;
        }
        catch (Exception unusable) when (unusable is StorageUnusableException or IOException or UnauthorizedAccessException)
        {
            await errors.WriteLineAsync($"The node cannot start: {unusable.Message}");
            return 1;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return 0;
        }
    }
}
