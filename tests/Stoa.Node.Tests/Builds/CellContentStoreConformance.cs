using Stoa.Market.Builds;
using Stoa.Node.Builds;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Builds;

/// <summary>Two nodes of a cell, each with a disk of its own, over one database.</summary>
public abstract class CellContentStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-test-").FullName;
    private CellContentStore _here = null!;
    private CellContentStore _there = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _here = new CellContentStore(Database, new FileContentStore(Path.Combine(_folder, "here")), TimeProvider.System);
        _there = new CellContentStore(Database, new FileContentStore(Path.Combine(_folder, "there")), TimeProvider.System);
    }

    public override async ValueTask DisposeAsync()
    {
        _here.Dispose();
        _there.Dispose();
        Directory.Delete(_folder, recursive: true);
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1 << 20)]
    [InlineData((3 << 20) + 5)]
    public async Task Put_OnOneNode_IsReadOnTheOther(int size)
    {
        var bytes = Bytes(size);
        var stored = (await PutAsync(_here, bytes)).Value;
        stored.ShouldBe(new ContentDescriptor(ContentHash.Of(bytes), size));
        (await _there.StatAsync(stored.Digest, Stop)).ShouldBe(stored);
        (await ReadAsync(_there, stored.Digest)).ShouldBe(bytes);
        (await ReadAsync(_here, stored.Digest)).ShouldBe(bytes);
        (await PutAsync(_there, bytes)).Value.ShouldBe(stored);
    }

    [Fact]
    public async Task Open_OfWhatIsNowhere_IsNull()
    {
        (await _here.OpenAsync(ContentHash.Of([1]), Stop)).ShouldBeNull();
        (await _here.StatAsync(ContentHash.Of([1]), Stop)).ShouldBeNull();
        (await _here.DeleteAsync(ContentHash.Of([1]), Stop)).ShouldBeFalse();
    }

    [Fact]
    public async Task Delete_OnOneNode_IsGoneOnTheOther_ThoughItWasFetchedThere()
    {
        var stored = (await PutAsync(_here, [1, 2, 3])).Value;
        (await ReadAsync(_there, stored.Digest)).ShouldBe([1, 2, 3]);
        (await _here.DeleteAsync(stored.Digest, Stop)).ShouldBeTrue();
        (await _there.OpenAsync(stored.Digest, Stop)).ShouldBeNull();
        (await PutAsync(_there, [1, 2, 3])).Value.ShouldBe(stored);
        (await ReadAsync(_here, stored.Digest)).ShouldBe([1, 2, 3]);
    }

    [Fact]
    public async Task Open_OfDamagedContent_Throws()
    {
        var bytes = Bytes(2 << 20);
        var stored = (await PutAsync(_here, bytes)).Value;
        await Database.WriteAsync(
            session => session.ExecuteAsync(
                "UPDATE content_chunks SET bytes = @bytes WHERE digest = @Digest AND position = 0", new { stored.Digest, bytes = new byte[1 << 20] }),
            Stop);
        await Should.ThrowAsync<InvalidDataException>(() => _there.OpenAsync(stored.Digest, Stop));
        (await ReadAsync(_here, stored.Digest)).ShouldBe(bytes);
    }

    [Fact]
    public async Task Put_ThatIsRefused_LeavesNothing()
    {
        (await _here.PutAsync(new MemoryStream(new byte[11]), null, 10, Stop)).Refusal.ShouldNotBeNull().Code.ShouldBe(ContentRefusal.TooLarge);
        (await _here.PutAsync(new MemoryStream([1]), ContentHash.Of([2]), 10, Stop)).Refusal.ShouldNotBeNull().Code.ShouldBe(ContentRefusal.DigestMismatch);
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM content"), Stop)).ShouldBe(0);
    }

    [Fact]
    public async Task Put_OfTheSameByManyAtOnce_StoresOnce()
    {
        var bytes = Bytes(100_000);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(turn => PutAsync(turn % 2 == 0 ? _here : _there, bytes)));
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM content_chunks"), Stop)).ShouldBe(1);
        (await ReadAsync(_there, ContentHash.Of(bytes))).ShouldBe(bytes);
    }

    private static byte[] Bytes(int size)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        return bytes;
    }

    [Fact]
    public async Task Sweep_DeletesFilesOfWhatAnotherNodeHasDeleted_AndNoOthers()
    {
        var (gone, kept) = ((await PutAsync(_here, [1, 2, 3])).Value, (await PutAsync(_here, [4, 5, 6])).Value);
        foreach (var content in new[] { gone, kept })
            await ReadAsync(_there, content.Digest);
        await _here.DeleteAsync(gone.Digest, Stop);
        // Of before anything was written nothing is a leftover.
        (await _there.SweepAsync(DateTimeOffset.UtcNow.AddHours(-1), Stop)).ShouldBe(0);

        (await _there.SweepAsync(DateTimeOffset.UtcNow.AddHours(1), Stop)).ShouldBe(1);

        var files = Directory.EnumerateFiles(Path.Combine(_folder, "there", "sha256"), "*", SearchOption.AllDirectories).Select(Path.GetFileName);
        files.ShouldHaveSingleItem().ShouldBe(kept.Digest.Hex);
        (await ReadAsync(_there, kept.Digest)).ShouldBe([4, 5, 6]);
    }

    private static Task<Market.Outcome<ContentDescriptor, ContentRefusal>> PutAsync(CellContentStore store, byte[] bytes) =>
        store.PutAsync(new MemoryStream(bytes), null, 10_000_000, Stop);

    private static async Task<byte[]> ReadAsync(CellContentStore store, ContentHash digest)
    {
        await using var stream = (await store.OpenAsync(digest, Stop)).ShouldNotBeNull();
        using var bytes = new MemoryStream();
        await stream.CopyToAsync(bytes, Stop);
        return bytes.ToArray();
    }
}

public sealed class SqliteCellContentStoreTests() : CellContentStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresCellContentStoreTests(PostgresCluster cluster) : CellContentStoreConformance(new PostgresSource(cluster));
