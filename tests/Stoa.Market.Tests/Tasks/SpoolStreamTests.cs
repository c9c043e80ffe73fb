using Stoa.Market.Builds;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Tasks;

public sealed class SpoolStreamTests
{
    private readonly ContentShelf _shelf = new();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(TaskResult.MaxInlineBytes)]
    public async Task Output_UpTo64KiB_StaysInMemory(int length)
    {
        await using var spool = new SpoolStream(_shelf, maxBytes: 1 << 20, TestContext.Current.CancellationToken);
        var bytes = Bytes(length);
        spool.Write(bytes);

        (await spool.CompleteAsync())!.Value.ToArray().ShouldBe(bytes);
        _shelf.Contents.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(TaskResult.MaxInlineBytes + 1, 1)]
    [InlineData(3_000_000, 4_096)]
    [InlineData(3_000_000, 1_000_000)]
    public async Task Output_OfMore_IsStreamedIntoTheContentStore(int length, int writeBytes)
    {
        await using var spool = new SpoolStream(_shelf, maxBytes: 1 << 24, TestContext.Current.CancellationToken);
        var bytes = Bytes(length);

        // As a guest does it: on a thread of its own, which waits when the store is slower.
        await Task.Run(
            () =>
            {
                foreach (var chunk in bytes.Chunk(writeBytes))
                    spool.Write(chunk);
            },
            TestContext.Current.CancellationToken);

        (await spool.CompleteAsync()).ShouldBeNull();
        _shelf.Contents.ShouldHaveSingleItem().ShouldBe(bytes);
    }

    [Fact]
    public async Task Output_ThatIsGivenUp_LeavesNothing()
    {
        var spool = new SpoolStream(_shelf, maxBytes: 1 << 24, TestContext.Current.CancellationToken);
        await Task.Run(() => spool.Write(Bytes(300_000)), TestContext.Current.CancellationToken);

        await spool.DisposeAsync();

        _shelf.Contents.ShouldBeEmpty();
        _shelf.Ended.ShouldBe(1);
    }

    [Fact]
    public async Task Output_WhileTheStoreFails_FailsWithItsFault()
    {
        _shelf.Failing = true;
        await using var spool = new SpoolStream(_shelf, maxBytes: 1 << 24, TestContext.Current.CancellationToken);

        await Task.Run(
            () => Should.Throw<IOException>(() =>
            {
                // The pipe holds some before it notices.
                for (var i = 0; i < 1_000; i++)
                    spool.Write(Bytes(100_000));
            }),
            TestContext.Current.CancellationToken);

        spool.Fault.ShouldNotBeNull().Message.ShouldBe("The disk is full.");
    }

    [Fact]
    public async Task Output_ThatTheStoreRefuses_IsNotCompleted()
    {
        _shelf.Refusing = true;
        await using var spool = new SpoolStream(_shelf, maxBytes: 1 << 24, TestContext.Current.CancellationToken);
        await Task.Run(() => spool.Write(Bytes(100_000)), TestContext.Current.CancellationToken);

        await Should.ThrowAsync<IOException>(spool.CompleteAsync);
    }

    private static byte[] Bytes(int length) => [.. Enumerable.Range(0, length).Select(number => (byte)(number * 31))];

    private sealed class ContentShelf : IContentStore
    {
        public List<byte[]> Contents { get; } = [];

        public bool Failing { get; set; }

        public bool Refusing { get; set; }

        public int Ended { get; private set; }

        public async Task<Outcome<ContentDescriptor, ContentRefusal>> PutAsync(Stream source, ContentHash? expected, long maxBytes, CancellationToken cancellationToken)
        {
            try
            {
                if (Failing)
                {
                    await source.ReadExactlyAsync(new byte[10], cancellationToken);
                    throw new IOException("The disk is full.");
                }

                using var taken = new MemoryStream();
                await source.CopyToAsync(taken, cancellationToken);
                if (Refusing)
                    return new Refusal<ContentRefusal>(ContentRefusal.TooLarge, "Too large.");
                Contents.Add(taken.ToArray());
                return new ContentDescriptor(ContentHash.Of(taken.ToArray()), taken.Length);
            }
            finally
            {
                Ended++;
            }
        }

        public Task<Stream?> OpenAsync(ContentHash digest, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<ContentDescriptor?> StatAsync(ContentHash digest, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<bool> DeleteAsync(ContentHash digest, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<bool> DeleteAsync(ContentHash digest, DateTimeOffset putBefore, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
