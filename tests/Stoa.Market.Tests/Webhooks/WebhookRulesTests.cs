using System.Net;
using System.Text;
using Stoa.Market.Webhooks;

namespace Stoa.Market.Tests.Webhooks;

public sealed class WebhookRulesTests
{
    private static readonly WebhookRules s_strict = new(AllowHttp: false, AllowPrivateAddresses: false);

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.1.2")]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("100.127.255.255")]
    [InlineData("169.254.169.254")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.1.1")]
    [InlineData("192.0.0.192")]
    [InlineData("198.18.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("168.63.129.16")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("::127.0.0.1")]
    [InlineData("fe80::1")]
    [InlineData("fec0::1")]
    [InlineData("fc00::1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("ff02::1")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("2002:7f00:1::")]
    [InlineData("2001:0:7f00:1::")]
    [InlineData("2001:db8::1")]
    public void Address_ThatTheWorldDoesNotReach_IsNotPublic(string address) => PublicAddress.Is(IPAddress.Parse(address)).ShouldBeFalse();

    [Theory]
    [InlineData("1.1.1.1")]
    [InlineData("100.63.255.255")]
    [InlineData("100.128.0.1")]
    [InlineData("172.15.0.1")]
    [InlineData("172.32.0.1")]
    [InlineData("169.253.0.1")]
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("2606:4700::1111")]
    [InlineData("2a00:1450::1")]
    public void Address_OfTheInternet_IsPublic(string address) => PublicAddress.Is(IPAddress.Parse(address)).ShouldBeTrue();

    [Theory]
    [InlineData("http://example.org/", "https://")]
    [InlineData("ftp://example.org/", "https://")]
    [InlineData("/hook", "absolute")]
    [InlineData("https:///", "absolute")]
    [InlineData("https://user:secret@example.org/", "user and password")]
    [InlineData("https://example.org/#part", "fragment")]
    [InlineData("https://127.0.0.1/", "private network")]
    [InlineData("https://2130706433/", "private network")]
    [InlineData("https://0x7f.1/", "private network")]
    [InlineData("https://[::1]/", "private network")]
    [InlineData("https://[::ffff:169.254.169.254]/", "private network")]
    [InlineData("https://localhost/", "private network")]
    [InlineData("https://a.localhost./", "private network")]
    public void Url_ThatMayNotBeCalled_IsRefusedWithTheReason(string url, string reason) =>
        s_strict.CheckUrl(url).ShouldContain(error => error.Pointer == "/url" && error.Reason.Contains(reason, StringComparison.Ordinal));

    [Theory]
    [InlineData("https://example.org/stoa?key=1")]
    [InlineData("https://example.org:8443/")]
    [InlineData("https://1.1.1.1/")]
    public void Url_OfThePublicInternet_IsTaken(string url) => s_strict.CheckUrl(url).ShouldBeEmpty();

    [Fact]
    public void Url_OnThisMachine_IsTakenWhereTheOperatorAllowsIt() =>
        new WebhookRules(AllowHttp: true, AllowPrivateAddresses: true).CheckUrl("http://127.0.0.1:9000/").ShouldBeEmpty();

    [Fact]
    public void Types_AreWrittenOut()
    {
        var errors = new List<FieldError>();

        WebhookRules.ExpandTypes(null, errors).ShouldBe(WebhookEvents.Default);
        WebhookRules.ExpandTypes(["stoa.task.*"], errors).Count.ShouldBe(6);
        WebhookRules.ExpandTypes(["stoa.auction.*", "stoa.bidding.faulted"], errors).Count.ShouldBe(3);
        WebhookRules.ExpandTypes(["stoa.task.failed", "stoa.task.failed"], errors).ShouldBe(["stoa.task.failed"]);
        errors.ShouldBeEmpty();
        WebhookRules.ExpandTypes(["stoa.task.progress"], errors);
        WebhookRules.ExpandTypes([], errors);
        errors.Count.ShouldBe(2);
    }

    [Fact]
    public void Signature_IsThatOfTheStandardsOwnExample()
    {
        var secret = new WebhookSecret(Convert.FromBase64String("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));

        secret.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, Encoding.UTF8.GetBytes("""{"test": 2432232314}"""))
            .ShouldBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        secret.ToString().ShouldBe("whsec_…");
    }

    [Fact]
    public void Retries_TakeAboutADay()
    {
        var retries = new WebhookRetries(11, TimeSpan.FromDays(5));
        // Chance as an argument: the same waits in every run.
#pragma warning disable CA5394, RS0030
        var random = new Random(1);
#pragma warning restore CA5394, RS0030

        var waits = Enumerable.Range(1, 10).Select(attempts => retries.AfterFailure(attempts, random)!.Value).ToList();

        retries.AfterFailure(11, random).ShouldBeNull();
        waits[0].TotalSeconds.ShouldBeInRange(4, 6);
        waits[9].TotalHours.ShouldBeInRange(4.8, 7.2);
        waits.Aggregate((sum, wait) => sum + wait).TotalHours.ShouldBeInRange(20, 32);
        waits.Zip(waits.Skip(1)).Take(5).ShouldAllBe(pair => pair.Second > pair.First * 2);
    }
}
