using Stoa.Client.Contracts;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>GET /api/v1/sealing-key</c>: the key to seal inputs to.</summary>
    public Task<SealingKeyResponse> GetSealingKeyAsync(CancellationToken cancellationToken = default) =>
        GetAsync("sealing-key", StoaJson.Default.SealingKeyResponse, cancellationToken);

    /// <summary>Seals an input to the node's key, so that nobody but the node that runs the task can read it, and nobody but the holder of the secret the output.</summary>
    /// <param name="input">From its position to its end.</param>
    /// <param name="trustedNodes">Nodes one of which must vouch for the key, however the node is reached; none for whichever does.</param>
    /// <param name="progress">Told of the bytes of an input that is uploaded.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>What is to be submitted, and the secret: keep that first.</returns>
    /// <exception cref="FormatException">The record of the key is not to be believed.</exception>
    public async Task<SealedInput> SealInputAsync(
        Stream input, IReadOnlyCollection<PeerId>? trustedNodes = null, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(input);
        var answer = await GetSealingKeyAsync(cancellationToken);
        var key = SealingKeyRecord.Open(answer.Envelope, trustedNodes ?? []).Key;
        var exchange = SealedExchange.Begin(key, answer.Account, out var header);
        // In a file: what is sent again after a broken connection must be the same bytes, and a second seal would be others.
        await using var file = TemporaryFile();
        await using (var sealing = exchange.SealInput(file, header))
        {
            await input.CopyToAsync(sealing, cancellationToken);
            sealing.Complete();
        }

        file.Position = 0;
        var digest = (await ContentHash.OfAsync(file, cancellationToken)).ToString();
        file.Position = 0;
        var body = await PrepareInputAsync(file, progress, cancellationToken);
        return new SealedInput(body with { Sealed = true }, digest, key.Id.ToString(), new SealSecret(answer.Account, exchange.ToSecret()));
    }

    /// <summary>Downloads the output of a sealed task, verified against its digest, and opens it.</summary>
    /// <exception cref="SealBrokenException">The secret is of another input, or the output was changed; some of it may have been written.</exception>
    public async Task DownloadResultAsync(
        TaskResponse task, SealSecret secret, Stream destination, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(secret);
        await using var file = TemporaryFile();
        await DownloadResultAsync(task, file, progress, cancellationToken);
        file.Position = 0;
        await using var opened = await secret.Open().OpenReplyAsync(file, cancellationToken);
        await opened.CopyToAsync(destination, cancellationToken);
    }

    /// <summary>A file that is gone once it is closed; what is in it is sealed.</summary>
    private static FileStream TemporaryFile() => new(
        Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()),
        FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 4096, FileOptions.DeleteOnClose | FileOptions.Asynchronous);
}
