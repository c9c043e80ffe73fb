using Stoa.Market.Identity;
using Stoa.Node.PayPerCall;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.PayPerCall;

/// <summary>Who gets a place for a long input, and who gives one up.</summary>
public sealed class CallUploadsTests
{
    private const int BytesPerSecond = 1_000;
    private readonly ManualTime _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly IdSource _ids = new(TimeProvider.System, new Random(1));

    [Fact]
    public void Payer_HasAtMostHisPlaces_ThroughAllHisChannels()
    {
        var (uploads, ann) = (new CallUploads(2, 10, BytesPerSecond, _time), _ids.Next<User>());
        var first = Enter(uploads, ann);
        Enter(uploads, ann);

        uploads.TryEnter(ann, out var isOwn).ShouldBeNull();
        isOwn.ShouldBeTrue();
        first.Dispose();
        uploads.TryEnter(ann, out _).ShouldNotBeNull();
    }

    [Fact]
    public async Task WhenAllPlacesAreTaken_TheSlowestAgainstItsPaceGivesWay()
    {
        var uploads = new CallUploads(2, 3, BytesPerSecond, _time);
        var (fast, slow, slowest) = (Enter(uploads, _ids.Next<User>()), Enter(uploads, _ids.Next<User>()), Enter(uploads, _ids.Next<User>()));
        await ReadAsync(fast, 60_000);
        await ReadAsync(slow, 20_000);
        await ReadAsync(slowest, 10_000);
        _time.Advance(TimeSpan.FromSeconds(30));

        Enter(uploads, _ids.Next<User>());

        (fast.HasGivenWay, slow.HasGivenWay, slowest.HasGivenWay).ShouldBe((false, false, true));
        slowest.Stopped.IsCancellationRequested.ShouldBeTrue();
    }

    [Fact]
    public async Task WhenAllAreFastEnough_WhoHasMostGivesOneUp_UntilAllHaveTheSame()
    {
        var uploads = new CallUploads(3, 4, BytesPerSecond, _time);
        var (ann, bob) = (_ids.Next<User>(), _ids.Next<User>());
        var ofAnn = new[] { Enter(uploads, ann), Enter(uploads, ann), Enter(uploads, ann) };
        var ofBob = Enter(uploads, bob);
        foreach (var upload in ofAnn.Append(ofBob))
            await ReadAsync(upload, 100_000);
        _time.Advance(TimeSpan.FromSeconds(30));

        var another = Enter(uploads, _ids.Next<User>());
        await ReadAsync(another, 100_000);

        ofAnn.Count(upload => upload.HasGivenWay).ShouldBe(1);
        (await EnterAndReadAsync(_ids.Next<User>())).ShouldBeTrue();
        ofAnn.Count(upload => upload.HasGivenWay).ShouldBe(2);
        (await EnterAndReadAsync(_ids.Next<User>())).ShouldBeFalse("each has one now");
        ofBob.HasGivenWay.ShouldBeFalse();

        async Task<bool> EnterAndReadAsync(Id<User> payer)
        {
            if (uploads.TryEnter(payer, out var isOwn) is not { } upload)
                return isOwn;
            await ReadAsync(upload, 100_000);
            return true;
        }
    }

    [Fact]
    public void Upload_ThatHasJustBegun_IsNotSlow()
    {
        var uploads = new CallUploads(1, 1, BytesPerSecond, _time);
        var upload = Enter(uploads, _ids.Next<User>());
        _time.Advance(TimeSpan.FromSeconds(1));

        uploads.TryEnter(_ids.Next<User>(), out var isOwn).ShouldBeNull();

        (isOwn, upload.HasGivenWay).ShouldBe((false, false));
    }

    [Theory]
    [InlineData(0, 30)]
    [InlineData(64 << 20, 30 + 512)]
    public void Time_OfAnInput_IsTheGraceAndThatOfThePace(long bytes, int seconds) =>
        new PayPerCallOptions { UploadGraceSeconds = 30, MinInputBytesPerSecond = 128 << 10 }.UploadTimeOf(bytes).ShouldBe(TimeSpan.FromSeconds(seconds));

    private static CallUpload Enter(CallUploads uploads, Id<User> payer) => uploads.TryEnter(payer, out _).ShouldNotBeNull();

    private static async Task ReadAsync(CallUpload upload, int bytes)
    {
        await using var body = upload.Count(new MemoryStream(new byte[bytes]));
        await body.CopyToAsync(Stream.Null, TestContext.Current.CancellationToken);
    }
}
