using System.Data.Common;
using Stoa.Market;
using Stoa.Market.Builds;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Builds;

/// <summary>Content of a cell of several nodes: in the database that they share, and as files where it was used last.</summary>
/// <remarks>
/// What comes in goes to a file first, where it is verified, and then into the database in one transaction, in chunks. What another node took in
/// is fetched when it is first opened, verified again, and kept: content under a digest never changes. Deleted content stays on the disks of
/// nodes that fetched it, but is not found there any more.
/// </remarks>
/// <param name="database">What the nodes share.</param>
/// <param name="files">This node's own.</param>
/// <param name="time">The clock.</param>
public sealed class CellContentStore(Database database, FileContentStore files, TimeProvider time) : IContentStore, IDisposable
{
    private const int ChunkBytes = 1 << 20;
    private const int SweptAtOnce = 500;

    public async Task<Outcome<ContentDescriptor, ContentRefusal>> PutAsync(
        Stream source, ContentHash? expected, long maxBytes, CancellationToken cancellationToken)
    {
        if (!(await files.PutAsync(source, expected, maxBytes, cancellationToken)).TryGet(out var stored, out var refusal))
            return refusal;
        try
        {
            await database.WriteAsync(session => InsertAsync(session, stored), cancellationToken);
        }
        catch (DbException full) when (full.IsDiskFull())
        {
            throw new NoRoomException(full);
        }

        return stored;
    }

    public async Task<Stream?> OpenAsync(ContentHash digest, CancellationToken cancellationToken)
    {
        if (await StatAsync(digest, cancellationToken) is not { } stored)
            return null;
        if (await files.OpenAsync(digest, cancellationToken) is { } kept)
            return kept;
        await using var chunks = new ChunkStream(database, stored);
        if ((await files.PutAsync(chunks, digest, stored.SizeBytes, cancellationToken)).TryGet(out _, out var refusal))
            return await files.OpenAsync(digest, cancellationToken);
        return await StatAsync(digest, cancellationToken) is null
            ? null
            : throw new InvalidDataException($"The content {digest} is damaged in the database of the cell: {refusal.Detail}");
    }

    public Task<ContentDescriptor?> StatAsync(ContentHash digest, CancellationToken cancellationToken) => database.ReadAsync(
        async session => await session.QueryFirstOrDefaultAsync<long?>("SELECT size_bytes FROM content WHERE digest = @digest", new { digest }) is { } size
            ? new ContentDescriptor(digest, size)
            : null,
        cancellationToken);

    public async Task<bool> DeleteAsync(ContentHash digest, CancellationToken cancellationToken)
    {
        var deleted = await database.WriteAsync(
            session => session.ExecuteAsync("DELETE FROM content WHERE digest = @digest", new { digest }), cancellationToken);
        await files.DeleteAsync(digest, cancellationToken);
        return deleted > 0;
    }

    public async Task<bool> DeleteAsync(ContentHash digest, DateTimeOffset putBefore, CancellationToken cancellationToken)
    {
        var isThere = await database.WriteAsync(
            async session => await session.ExecuteAsync("DELETE FROM content WHERE digest = @digest AND put_at <= @putBefore", new { digest, putBefore }) == 0
                && await session.QueryFirstOrDefaultAsync<long?>("SELECT 1 FROM content WHERE digest = @digest", new { digest }) is not null,
            cancellationToken);
        if (isThere)
            return false;
        // A file that came just now is on its way into the database; the sweep finds one that is not.
        await files.DeleteAsync(digest, putBefore, cancellationToken);
        return true;
    }

    /// <summary>Deletes this node's files whose content was deleted: by another node, or while this one was down.</summary>
    /// <param name="olderThan">Files that were written later are left: their content may be on its way into the database.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>How many.</returns>
    public async Task<int> SweepAsync(DateTimeOffset olderThan, CancellationToken cancellationToken)
    {
        var deleted = 0;
        foreach (var some in files.List(olderThan).Chunk(SweptAtOnce))
        {
            var digests = some.Select(digest => digest.ToString()).ToArray();
            var there = (await database.ReadAsync(
                session => session.QueryAsync<string>("SELECT digest FROM content WHERE digest IN @digests", new { digests }), cancellationToken)).ToHashSet(StringComparer.Ordinal);
            foreach (var digest in some.Where(digest => !there.Contains(digest.ToString())))
            {
                if (await files.DeleteAsync(digest, cancellationToken))
                    deleted++;
            }
        }

        return deleted;
    }

    /// <summary>What came before a time, in the order of the digests.</summary>
    /// <param name="olderThan">By the clock of the nodes.</param>
    /// <param name="after">Only those behind it; null for all.</param>
    /// <param name="limit">The most.</param>
    /// <param name="cancellationToken">Stops the query.</param>
    public Task<IReadOnlyList<ContentHash>> ListAsync(DateTimeOffset olderThan, ContentHash? after, int limit, CancellationToken cancellationToken) => database.ReadAsync(
        session => session.QueryAsync<ContentHash>(
            "SELECT digest FROM content WHERE put_at < @olderThan AND digest > @after ORDER BY digest LIMIT @limit", new { olderThan, after = after?.ToString() ?? "", limit }),
        cancellationToken);

    public void Dispose() => files.Dispose();

    private async Task<bool> InsertAsync(SqlSession session, ContentDescriptor stored)
    {
        var now = time.GetUtcNow();
        while (await session.ExecuteAsync(
            "INSERT INTO content (digest, size_bytes, put_at) VALUES (@Digest, @SizeBytes, @now) ON CONFLICT (digest) DO NOTHING", new { stored.Digest, stored.SizeBytes, now }) == 0)
        {
            // It is there already, unless it was deleted in this moment.
            if (await session.ExecuteAsync("UPDATE content SET put_at = @now WHERE digest = @Digest", new { now, stored.Digest }) > 0)
                return false;
        }

        await using var file = await files.OpenAsync(stored.Digest, session.CancellationToken)
            ?? throw new IOException($"The file of the content {stored.Digest} vanished while it was taken in.");
        var buffer = new byte[Math.Min(ChunkBytes, stored.SizeBytes)];
        for (long position = 0; position < stored.SizeBytes; position += ChunkBytes)
        {
            var bytes = buffer.Length == stored.SizeBytes - position || stored.SizeBytes - position >= ChunkBytes
                ? buffer
                : new byte[stored.SizeBytes - position];
            await file.ReadExactlyAsync(bytes, session.CancellationToken);
            await session.ExecuteAsync(
                "INSERT INTO content_chunks (digest, position, bytes) VALUES (@Digest, @position, @bytes)",
                new { stored.Digest, position, bytes });
        }

        return true;
    }

    /// <summary>The bytes of content as they lie in the database, a chunk a query.</summary>
    private sealed class ChunkStream(Database database, ContentDescriptor content) : ReadOnlyStream
    {
        private ReadOnlyMemory<byte> _chunk;
        private long _position;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_chunk.IsEmpty && _position < content.SizeBytes)
            {
                var position = _position;
                _chunk = await database.ReadAsync(
                    session => session.QueryFirstOrDefaultAsync<byte[]>(
                        "SELECT bytes FROM content_chunks WHERE digest = @Digest AND position = @position", new { content.Digest, position }),
                    cancellationToken);
                _position += ChunkBytes;
            }

            var read = Math.Min(buffer.Length, _chunk.Length);
            _chunk[..read].CopyTo(buffer);
            _chunk = _chunk[read..];
            return read;
        }
    }
}
