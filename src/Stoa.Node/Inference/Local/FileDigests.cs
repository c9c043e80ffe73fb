using System.Text.Json;
using System.Text.Json.Serialization;
using Stoa.Node.Hosting;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Local;

/// <summary>The digests of large files, which are computed once: by path, size and time of the last change, in a file of the data folder.</summary>
/// <param name="folder">The node's.</param>
/// <param name="logger">Of a file that cannot be kept.</param>
public sealed class FileDigests(DataFolder folder, ILogger<FileDigests> logger) : IDisposable
{
    private const string FileName = "model-digests.json";
    private const int MostKept = 1_000;
    private const int MostBytes = 1 << 20;

    private readonly SemaphoreSlim _one = new(1, 1);

    /// <summary>What a file is known by without reading it.</summary>
    /// <exception cref="IOException">There is none.</exception>
    public static FileStamp StampOf(string path)
    {
        // Opened, so that a link is its target.
        using var file = File.OpenHandle(path);
        return new FileStamp(Path.GetFullPath(path), RandomAccess.GetLength(file), File.GetLastWriteTimeUtc(file).Ticks);
    }

    /// <summary>The digest of a file as it is now.</summary>
    /// <exception cref="IOException">It cannot be read, or was changed meanwhile.</exception>
    public async Task<ContentHash> FindAsync(FileStamp stamp, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(stamp);
        await _one.WaitAsync(cancellationToken);
        try
        {
            var known = Read();
            if (known.FirstOrDefault(one => one.Stamp == stamp) is { } before)
                return before.Digest;
            ContentHash digest;
            await using (var stream = new FileStream(stamp.Path, new FileStreamOptions { BufferSize = 0, Options = FileOptions.Asynchronous | FileOptions.SequentialScan }))
                digest = await ContentHash.OfAsync(stream, cancellationToken);
            if (StampOf(stamp.Path) != stamp)
                throw new IOException($"{stamp.Path} was changed while it was read.");
            Write([.. known.Where(one => one.Stamp.Path != stamp.Path).TakeLast(MostKept - 1), new KnownDigest(stamp, digest)]);
            return digest;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _one.Dispose();

    private List<KnownDigest> Read()
    {
        try
        {
            var file = new FileInfo(folder.PathOf(FileName));
            return file is { Exists: true, Length: <= MostBytes } ? JsonSerializer.Deserialize(File.ReadAllBytes(file.FullName), DigestJson.Default.ListKnownDigest) ?? [] : [];
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or JsonException or FormatException)
        {
            // It is computed anew, which takes its time and is right.
            return [];
        }
    }

    private void Write(List<KnownDigest> known)
    {
        try
        {
            folder.WriteSecret(FileName, JsonSerializer.Serialize(known, DigestJson.Default.ListKnownDigest));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            logger.LogWarning(failure, "The digests of models cannot be kept, and are computed again at the next start.");
        }
    }
}

/// <summary>What a file is known by.</summary>
/// <param name="Path">Whole.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="ChangedAt">Ticks of UTC.</param>
public sealed record FileStamp(string Path, long Bytes, long ChangedAt);

/// <summary>A digest that was computed.</summary>
internal sealed record KnownDigest(FileStamp Stamp, ContentHash Digest);

[JsonSerializable(typeof(List<KnownDigest>))]
internal sealed partial class DigestJson : JsonSerializerContext;
