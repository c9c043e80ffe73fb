using Stoa.Client;
using Stoa.Market.Tasks;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;

namespace Stoa.Cli.Receipts;

/// <summary>A receipt whose signature and sums hold.</summary>
/// <param name="Receipt">What the node swears.</param>
internal sealed record ReceiptCheck(Receipt Receipt)
{
    /// <summary>Checks a receipt by itself.</summary>
    /// <param name="envelope">As it came.</param>
    /// <param name="expectedNode">Peer id of the node that must have signed; null for whichever it names.</param>
    /// <exception cref="CommandFailure">It is not to be believed.</exception>
    public static ReceiptCheck Verify(DsseEnvelope envelope, PeerId? expectedNode) =>
        ReceiptVerifier.Verify(envelope, expectedNode).TryGet(out var receipt, out var fault)
            ? new ReceiptCheck(receipt)
            : throw new CommandFailure(fault.Detail, ExitCode.Refused);

    /// <summary>Runs what it swears to again, here, with program and input from the node or from a file.</summary>
    /// <param name="client">Gives the program, and the input where there is no file.</param>
    /// <param name="inputFile">The input; null for the node's.</param>
    /// <param name="timeProvider">The clock of the run.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <param name="open">Takes up the exchange of a sealed input; null for whoever cannot.</param>
    /// <exception cref="CommandFailure">The program or the input is not the receipt's.</exception>
    public async Task<RerunReport> RerunAsync(
        StoaClient client, string? inputFile, TimeProvider timeProvider, CancellationToken cancellationToken, Func<SealedHeader, SealedExchange>? open = null)
    {
        if (!Receipt.IsRepeatable)
            throw new CommandFailure(ReceiptRerun.WhyNotRepeatable(Receipt), ExitCode.Refused);
        var agent = await client.GetAgentAsync(AgentReference.Parse(Receipt.Agent.ToString()), cancellationToken);
        using var program = new MemoryStream();
        await client.DownloadProgramAsync(agent, program, cancellationToken: cancellationToken);
        await using var input = inputFile is not null
            ? new FileStream(inputFile, FileMode.Open, FileAccess.Read, FileShare.Read)
            : TemporaryFile();
        if (inputFile is null)
        {
            await client.DownloadTaskInputAsync(Receipt.TaskId.ToString(), Receipt.InputDigest.ToString(), input, cancellationToken: cancellationToken);
            input.Position = 0;
        }

        var calls = await CalledAgents.ReadAsync(client, agent, cancellationToken);
        var rerun = await ReceiptRerun.RunAsync(Receipt, program.ToArray(), calls, input, timeProvider, new AttemptProgress(), cancellationToken, open);
        return rerun.TryGet(out var report, out var refusal) ? report : throw new CommandFailure(refusal.Detail, ExitCode.Refused);
    }

    private static FileStream TemporaryFile() => new(
        Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()),
        FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 4096, FileOptions.DeleteOnClose | FileOptions.Asynchronous);
}
