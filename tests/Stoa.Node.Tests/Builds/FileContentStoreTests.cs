using Stoa.Market.Builds;
using Stoa.Node.Builds;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Builds;

public sealed class FileContentStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stoa-test-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(300_000)]
    public async Task Put_ThenOpen_GivesTheSameBytes(int size)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        using var store = new FileContentStore(_folder);
        var stored = (await PutAsync(store, bytes)).Value;
        stored.ShouldBe(new ContentDescriptor(ContentHash.Of(bytes), size));
        (await ReadAsync(store, stored.Digest)).ShouldBe(bytes);
        (await store.StatAsync(stored.Digest, Stop)).ShouldBe(stored);
        (await PutAsync(store, bytes)).Value.ShouldBe(stored);
    }

    [Fact]
    public async Task Put_OtherDigestThanAnnounced_IsRefusedAndLeavesNothing()
    {
        using var store = new FileContentStore(_folder);
        var put = await store.PutAsync(new MemoryStream([1, 2, 3]), ContentHash.Of([4]), 10, Stop);
        put.Refusal.ShouldNotBeNull().Code.ShouldBe(ContentRefusal.DigestMismatch);
        Files().ShouldBeEmpty();
        (await store.OpenAsync(ContentHash.Of([1, 2, 3]), Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Put_TooManyBytes_IsRefusedAndLeavesNothing()
    {
        using var store = new FileContentStore(_folder);
        var put = await store.PutAsync(new MemoryStream(new byte[11]), null, 10, Stop);
        put.Refusal.ShouldNotBeNull().Code.ShouldBe(ContentRefusal.TooLarge);
        Files().ShouldBeEmpty();
    }

    [Fact]
    public async Task Put_SourceThatBreaks_LeavesNothing()
    {
        using var store = new FileContentStore(_folder);
        await Should.ThrowAsync<IOException>(store.PutAsync(new BrokenStream(), null, 1_000_000, Stop));
        Files().ShouldBeEmpty();
    }

    [Fact]
    public async Task Put_ByManyAtOnce_StoresOnce()
    {
        using var store = new FileContentStore(_folder);
        var bytes = new byte[100_000];
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => PutAsync(store, bytes)));
        Files().Length.ShouldBe(1);
        (await ReadAsync(store, ContentHash.Of(bytes))).ShouldBe(bytes);
    }

    [Fact]
    public async Task Start_AfterACrash_ClearsWhatIsUnfinished()
    {
        ContentDescriptor stored;
        using (var before = new FileContentStore(_folder))
        {
            stored = (await PutAsync(before, [1])).Value;
            Should.Throw<IOException>(() => new FileContentStore(_folder)).Message.ShouldContain("in use by another node");
        }

        File.WriteAllBytes(Path.Combine(_folder, "incoming", "0000000000000007"), [9, 9]);
        using var again = new FileContentStore(_folder);
        Files().Length.ShouldBe(1);
        (await ReadAsync(again, stored.Digest)).ShouldBe([1]);
        (await PutAsync(again, [2])).Value.SizeBytes.ShouldBe(1);
    }

    [Fact]
    public async Task Delete_IsTrueOnce_AndReadersThatHaveItOpenGoOn()
    {
        using var store = new FileContentStore(_folder);
        var stored = (await PutAsync(store, [1, 2])).Value;
        await using var open = await store.OpenAsync(stored.Digest, Stop);
        (await store.DeleteAsync(stored.Digest, Stop)).ShouldBeTrue();
        (await store.DeleteAsync(stored.Digest, Stop)).ShouldBeFalse();
        (await store.StatAsync(stored.Digest, Stop)).ShouldBeNull();
        open.ShouldNotBeNull().ReadByte().ShouldBe(1);
    }

    private string[] Files() => [.. Directory.GetFiles(_folder, "*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != "lock")];

    private static Task<Market.Outcome<ContentDescriptor, ContentRefusal>> PutAsync(FileContentStore store, byte[] bytes) =>
        store.PutAsync(new MemoryStream(bytes), null, 1_000_000, Stop);

    private static async Task<byte[]> ReadAsync(FileContentStore store, ContentHash digest)
    {
        await using var stream = (await store.OpenAsync(digest, Stop)).ShouldNotBeNull();
        using var bytes = new MemoryStream();
        await stream.CopyToAsync(bytes, Stop);
        return bytes.ToArray();
    }

    /// <summary>A connection that ends in the middle.</summary>
    private sealed class BrokenStream : MemoryStream
    {
        private int _reads;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            _reads++ < 2 ? ValueTask.FromResult(buffer.Length) : throw new IOException("The connection was reset.");
    }
}
