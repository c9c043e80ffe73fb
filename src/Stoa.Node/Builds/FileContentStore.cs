using System.Buffers;
using System.Security.Cryptography;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Builds;

/// <summary>Content as files under <c>content/sha256/ab/abcdef…</c>, in the layout of an OCI image directory with one level of fan-out.</summary>
/// <remarks>Bytes are written to a file of their own under <c>content/incoming</c>, hashed on the way, synced and then renamed:
/// a reader sees all of the content or none of it, and what a crash leaves in <c>incoming</c> is removed at the next start.</remarks>
public sealed class FileContentStore : IContentStore, IDisposable
{
    private const int CopyBufferBytes = 128 * 1024;
    private readonly string _root;
    private readonly string _incoming;
    private readonly Lock _folders = new();
    private readonly Lock _moves = new();
    private readonly FileStream _lock;
    private long _sequence;

    /// <summary>Opens the store and clears what an earlier start left unfinished.</summary>
    /// <param name="folder">Made when it is not there; held for this store until it is disposed of.</param>
    /// <exception cref="IOException">Another store holds the folder.</exception>
    public FileContentStore(string folder)
    {
        _root = Path.Combine(folder, "sha256");
        _incoming = Path.Combine(folder, "incoming");
        Directory.CreateDirectory(_root);
        Directory.CreateDirectory(_incoming);
        try
        {
            _lock = new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException inUse)
        {
            throw new IOException($"The content in {folder} is in use by another node. Stop that node, or give this one a data folder of its own.", inUse);
        }

        foreach (var leftover in Directory.EnumerateFiles(_incoming))
            File.Delete(leftover);
    }

    public async Task<Outcome<ContentDescriptor, ContentRefusal>> PutAsync(
        Stream source, ContentHash? expected, long maxBytes, CancellationToken cancellationToken)
    {
        var path = Path.Combine(_incoming, Interlocked.Increment(ref _sequence).ToString("x16", System.Globalization.CultureInfo.InvariantCulture));
        try
        {
            var received = await ReceiveAsync(source, path, maxBytes, cancellationToken);
            if (received is not { } content)
            {
                return new Refusal<ContentRefusal>(
                    ContentRefusal.TooLarge, $"More than the {maxBytes:N0} bytes that are accepted here; send less.");
            }

            if (expected is { } digest && digest != content.Digest)
            {
                return new Refusal<ContentRefusal>(
                    ContentRefusal.DigestMismatch, $"The bytes have the digest {content.Digest}, not {digest}; send them again.");
            }

            Publish(path, content.Digest);
            return content;
        }
        catch (IOException full) when (full.IsDiskFull())
        {
            throw new NoRoomException(full);
        }
        finally
        {
            File.Delete(path);
        }
    }

    public Task<Stream?> OpenAsync(ContentHash digest, CancellationToken cancellationToken)
    {
        try
        {
            return Task.FromResult<Stream?>(new FileStream(
                PathOf(digest), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1, FileOptions.Asynchronous));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return Task.FromResult<Stream?>(null);
        }
    }

    public Task<ContentDescriptor?> StatAsync(ContentHash digest, CancellationToken cancellationToken)
    {
        var file = new FileInfo(PathOf(digest));
        return Task.FromResult(file.Exists ? new ContentDescriptor(digest, file.Length) : null);
    }

    public Task<bool> DeleteAsync(ContentHash digest, CancellationToken cancellationToken)
    {
        var path = PathOf(digest);
        var there = File.Exists(path);
        if (there)
            File.Delete(path);
        return Task.FromResult(there);
    }

    public Task<bool> DeleteAsync(ContentHash digest, DateTimeOffset putBefore, CancellationToken cancellationToken)
    {
        var file = new FileInfo(PathOf(digest));
        // Not while the same content comes again.
        lock (_moves)
        {
            if (!file.Exists)
                return Task.FromResult(true);
            if (file.LastWriteTimeUtc > putBefore.UtcDateTime)
                return Task.FromResult(false);
            file.Delete();
            return Task.FromResult(true);
        }
    }

    /// <summary>What is here and was written before a time, as it is found.</summary>
    public IEnumerable<ContentHash> List(DateTimeOffset olderThan)
    {
        foreach (var file in new DirectoryInfo(_root).EnumerateFiles("*", SearchOption.AllDirectories))
        {
            if (file.LastWriteTimeUtc < olderThan.UtcDateTime && ContentHash.TryParse($"sha256:{file.Name}", null, out var digest))
                yield return digest;
        }
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>Writes the stream to a file and syncs it; null when it is too long.</summary>
    private static async Task<ContentDescriptor?> ReceiveAsync(
        Stream source, string path, long maxBytes, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBufferBytes);
        try
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.Asynchronous);
            long size = 0;
            int read;
            while ((read = await source.ReadAsync(buffer, cancellationToken)) > 0)
            {
                size += read;
                if (size > maxBytes)
                    return null;
                hash.AppendData(buffer, 0, read);
                await file.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            }

            file.Flush(flushToDisk: true);
            return new ContentDescriptor(ContentHash.FromBytes(hash.GetHashAndReset()), size);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Publish(string path, ContentHash digest)
    {
        var target = PathOf(digest);
        var folder = Path.GetDirectoryName(target)!;
        MakeFolder(folder);
        // The same digest is the same bytes: replacing them changes nothing for a reader that has them open.
        lock (_moves)
            File.Move(path, target, overwrite: true);
        DirectorySync.Flush(folder);
    }

    /// <summary>A new folder is an entry of its parent, which must be as durable as what goes into it.</summary>
    private void MakeFolder(string folder)
    {
        lock (_folders)
        {
            if (Directory.Exists(folder))
                return;
            Directory.CreateDirectory(folder);
            DirectorySync.Flush(_root);
        }
    }

    private string PathOf(ContentHash digest) => Path.Combine(_root, digest.Hex[..2], digest.Hex);
}
