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

    [Theory]
    [InlineData(2, 10, 2)]
    [InlineData(10, 6, 3)]
    [InlineData(4, 1, 1)]
    public void Payer_HasAtMostHisPlaces_AndNeverMoreThanHalf(int ofOne, int ofAll, int most)
    {
        var (uploads, ann) = (new CallUploads(ofOne, ofAll, BytesPerSecond, _time), Payer());
        var all = Enumerable.Range(0, most).Select(_ => Enter(uploads, ann)).ToList();

        uploads.TryEnter(ann with { IsFree = true }, out var isOwn).ShouldBeNull();
        isOwn.ShouldBeTrue("it is the same account through whichever channel");
        all[0].Dispose();
        uploads.TryEnter(ann, out _).ShouldNotBeNull();
    }

    [Fact]
    public async Task WhenAllPlacesAreTaken_TheSlowestAgainstItsPaceGivesWay()
    {
        var uploads = new CallUploads(2, 3, BytesPerSecond, _time);
        var (fast, slow, slowest) = (Enter(uploads, Payer()), Enter(uploads, Payer()), Enter(uploads, Payer()));
        for (var second = 0; second < 30; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await ReadAsync(fast, 2_000);
            await ReadAsync(slow, 700);
            await ReadAsync(slowest, 300);
        }

        Enter(uploads, Payer());

        (fast.HasGivenWay, slow.HasGivenWay, slowest.HasGivenWay).ShouldBe((false, false, true));
        slowest.Stopped.IsCancellationRequested.ShouldBeTrue();
    }

    [Fact]
    public async Task Upload_ThatHasSentMuchAtOnce_LivesOnItForSecondsOnly()
    {
        var uploads = new CallUploads(2, 2, BytesPerSecond, _time);
        var (steady, burst) = (Enter(uploads, Payer()), Enter(uploads, Payer()));
        await ReadAsync(burst, 1_000_000);
        for (var second = 0; second < 6; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await ReadAsync(steady, BytesPerSecond);
        }

        Enter(uploads, Payer());

        (steady.HasGivenWay, burst.HasGivenWay).ShouldBe((false, true));
    }

    [Fact]
    public void WhenAllAreFastEnough_WhoHasMostGivesOneUp_UntilAllHaveTheSame()
    {
        var uploads = new CallUploads(3, 6, BytesPerSecond, _time);
        var (ann, bob) = (Payer(), Payer());
        var (ofAnn, ofBob) = (Enumerable.Range(0, 3).Select(_ => Enter(uploads, ann)).ToList(), Enumerable.Range(0, 3).Select(_ => Enter(uploads, bob)).ToList());
        var others = new[] { Payer(), Payer(), Payer(), Payer() };

        foreach (var other in others)
            Enter(uploads, other);

        (ofAnn.Count(upload => upload.HasGivenWay), ofBob.Count(upload => upload.HasGivenWay)).ShouldBe((2, 2));
        uploads.TryEnter(Payer(), out var isOwn).ShouldBeNull("each has one now");
        isOwn.ShouldBeFalse();
    }

    [Fact]
    public void WhenAllHaveTheSame_WhoPaysGetsThePlaceOfOneWhoDoesNot_AndNotTheOtherWayRound()
    {
        var uploads = new CallUploads(1, 2, BytesPerSecond, _time);
        var (free, paid) = (Enter(uploads, Payer() with { IsFree = true }), Enter(uploads, Payer()));

        uploads.TryEnter(Payer() with { IsFree = true }, out _).ShouldBeNull();
        Enter(uploads, Payer());

        (free.HasGivenWay, paid.HasGivenWay).ShouldBe((true, false));
        uploads.TryEnter(Payer(), out _).ShouldBeNull();
    }

    [Fact]
    public void Upload_ThatHasJustBegun_IsNotSlow()
    {
        var uploads = new CallUploads(1, 1, BytesPerSecond, _time);
        var upload = Enter(uploads, Payer());
        _time.Advance(TimeSpan.FromSeconds(1));

        uploads.TryEnter(Payer(), out var isOwn).ShouldBeNull();

        (isOwn, upload.HasGivenWay).ShouldBe((false, false));
    }

    [Theory]
    [InlineData(0, 30)]
    [InlineData(64 << 20, 30 + 512)]
    public void Time_OfAnInput_IsTheGraceAndThatOfThePace(long bytes, int seconds) =>
        new PayPerCallOptions { UploadGraceSeconds = 30, MinInputBytesPerSecond = 128 << 10 }.UploadTimeOf(bytes).ShouldBe(TimeSpan.FromSeconds(seconds));

    private CallPayer Payer() => new(_ids.Next<User>(), IsFree: false);

    private static CallUpload Enter(CallUploads uploads, CallPayer payer) => uploads.TryEnter(payer, out _).ShouldNotBeNull();

    private static async Task ReadAsync(CallUpload upload, int bytes)
    {
        await using var body = upload.Count(new MemoryStream(new byte[bytes]));
        await body.CopyToAsync(Stream.Null, TestContext.Current.CancellationToken);
    }
}
