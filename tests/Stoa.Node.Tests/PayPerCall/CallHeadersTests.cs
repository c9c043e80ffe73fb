using Microsoft.AspNetCore.Http;
using Stoa.Client;
using Stoa.Market.Tasks;
using Stoa.Node.PayPerCall;

namespace Stoa.Node.Tests.PayPerCall;

/// <summary>What the headers of calls say, and what is none of them.</summary>
public sealed class CallHeadersTests
{
    private const string Digest = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

    [Fact]
    public void Headers_ThatAreNotThere_SayNothing()
    {
        InputHeader.TryRead(Request("Other", "x"), out var input).ShouldBeTrue();
        WorldHeader.TryRead(Request("Other", "x"), out var world).ShouldBeTrue();
        LimitsHeader.TryRead(Request("Other", "x"), out var limits).ShouldBeTrue();

        (input, world, limits).ShouldBe((null, null, RequestedLimits.None));
    }

    [Theory]
    [InlineData($"digest={Digest}, bytes=2000000", 2_000_000)]
    [InlineData($"bytes=2000000,digest={Digest}", 2_000_000)]
    [InlineData($"digest={Digest}", null)]
    [InlineData($"digest={Digest}, bytes=2000000, more=1", null)]
    [InlineData($"digest={Digest}, bytes=2000000, bytes=2000000", null)]
    [InlineData($"digest={Digest}, bytes=1048576", null)]
    [InlineData($"digest={Digest}, bytes=99999999999999999999", null)]
    [InlineData("digest=sha256:11, bytes=2000000", null)]
    [InlineData(",", null)]
    public void InputHeader_AnnouncesADigestAndItsBytes(string text, int? bytes)
    {
        InputHeader.TryRead(Request(StoaClient.InputHeader, text), out var input).ShouldBe(bytes is not null);
        input?.SizeBytes.ShouldBe(bytes!.Value);
    }

    [Theory]
    [InlineData("seed=-7, clockMs=5", true)]
    [InlineData("seed=7", false)]
    [InlineData("seed=7, clockMs=-1", false)]
    [InlineData("seed=7, clockMs=5, fuel=1", false)]
    [InlineData("seed=0x7, clockMs=5", false)]
    public void WorldHeader_FixesChance(string text, bool isOne)
    {
        WorldHeader.TryRead(Request(StoaClient.WorldHeader, text), out var world).ShouldBe(isOne);
        world.ShouldBe(isOne ? new TaskWorld(-7, 5) : null);
    }

    [Theory]
    [InlineData("fuel=3, logBytes=0", true)]
    [InlineData("fuel=3, logBytes=0,", false)]
    [InlineData("fuel=3, fuel=4", false)]
    [InlineData("fuel=-3", false)]
    [InlineData("speed=3", false)]
    [InlineData("=3", false)]
    public void LimitsHeader_LowersSomeOfThem(string text, bool isOne)
    {
        LimitsHeader.TryRead(Request(StoaClient.LimitsHeader, text), out var limits).ShouldBe(isOne);
        if (isOne)
            limits.ShouldBe(new RequestedLimits(Fuel: 3, LogBytes: 0));
    }

    [Fact]
    public void Header_ThatIsTooLong_IsNone() => LimitsHeader.TryRead(Request(StoaClient.LimitsHeader, "fuel=" + new string('1', 300)), out _).ShouldBeFalse();

    private static HttpRequest Request(string name, string value)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers[name] = value;
        return context.Request;
    }
}
