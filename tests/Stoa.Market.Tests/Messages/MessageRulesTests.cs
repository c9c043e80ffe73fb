using Stoa.Market.Identity;
using Stoa.Market.Messages;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Messages;

public sealed class MessageRulesTests
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_000_000);
    private static readonly IdSource s_ids = new(TimeProvider.System, new Random(1));

    [Theory]
    [InlineData("ada/jobs", true)]
    [InlineData("ada/j", false)]
    [InlineData("ada", false)]
    [InlineData("ada/jobs/more", false)]
    [InlineData("ada/Jobs", false)]
    [InlineData("/jobs", false)]
    [InlineData("ada/../jobs", false)]
    [InlineData("ada/jobs\n", false)]
    [InlineData("", false)]
    public void Address_IsOwnerAndName(string text, bool isOne)
    {
        MailboxAddress.TryParse(text, null, out var address).ShouldBe(isOne);
        if (isOne)
            address!.ToString().ShouldBe(text);
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("0000000000000000", false)]
    [InlineData("ffffffffffffffff", false)]
    [InlineData("2f6c1d9e8b7a4c3", false)]
    [InlineData("2f6c1d9e8b7a4c3g", false)]
    [InlineData(" 2f6c1d9e8b7a4c3", false)]
    [InlineData("2f6c1d9e8b7a4c35", true)]
    public void Token_IsSixteenDigitsOfANumberAboveZero(string text, bool isOne)
    {
        DeliveryToken.TryParse(text, null, out var token).ShouldBe(isOne);
        if (isOne)
            token.ToString().ShouldBe(text);
    }

    [Theory]
    [InlineData(SenderRule.Owner, false, false, false)]
    [InlineData(SenderRule.Owner, true, true, false)]
    [InlineData(SenderRule.Accounts, true, false, true)]
    [InlineData(SenderRule.Accounts, false, true, false)]
    [InlineData(SenderRule.Organisation, false, true, true)]
    [InlineData(SenderRule.Organisation, true, false, false)]
    [InlineData(SenderRule.Anyone, false, false, true)]
    public void Rule_AdmitsWhomItNamesAndAlwaysTheOwner(SenderRule rule, bool isNamed, bool isMember, bool admits)
    {
        rule.Admits(isOwner: false, isNamed, isMember).ShouldBe(admits);
        rule.Admits(isOwner: true, isNamed, isMember).ShouldBeTrue();
    }

    [Fact]
    public void Mailbox_ThatBreaksEveryRule_IsToldOfAll()
    {
        var mailbox = new Mailbox(s_ids.Next<Mailbox>(), s_ids.Next<User>(), "No", SenderRule.Organisation, 0, 101, 59, s_now);

        MessageRules.Check(mailbox, named: 1, isOfOrganisation: false).Select(error => error.Pointer)
            .ShouldBe(["/name", "/accounts", "/senders", "/visibilitySeconds", "/maxDeliveries", "/retentionSeconds"]);
    }

    [Fact]
    public void Message_ThatBreaksEveryRule_IsToldOfAll()
    {
        var message = new NewMessage(new byte[MessageRules.MaxBodyBytes + 1], "none", "", "a b", null, 0);

        MessageRules.Check(message).Select(error => error.Pointer).ShouldBe(["/body", "/contentType", "/dedupeKey", "/correlationId", "/expiresInSeconds"]);
        MessageRules.Check(new NewMessage(new byte[MessageRules.MaxBodyBytes], "image/png", new string('k', MessageRules.MaxKeyLength), "q1", null, 1)).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(null, 100)]
    [InlineData(50, 50)]
    [InlineData(500, 100)]
    public void Message_IsKeptAsLongAsItIsOfUseAndTheMailboxKeepsAny(int? asked, int seconds)
    {
        MessageRules.ExpiryOf(new NewMessage("x"u8.ToArray(), MessageRules.Bytes, ExpiresInSeconds: asked), 100, s_now).ShouldBe(s_now.AddSeconds(seconds));
    }

    [Fact]
    public void Fingerprint_IsOfAllThatTheSenderSays()
    {
        var message = new NewMessage("x"u8.ToArray(), MessageRules.Bytes, "key", "q1", MailboxAddress.Parse("ada/jobs"), 5);
        NewMessage[] others =
        [
            message with { Body = "y"u8.ToArray() }, message with { ContentType = "text/plain" }, message with { CorrelationId = "q2" },
            message with { ReplyTo = null }, message with { ExpiresInSeconds = null },
        ];

        (message with { DedupeKey = "other" }).Fingerprint().ShouldBe(message.Fingerprint());
        others.Select(other => other.Fingerprint()).ShouldNotContain(message.Fingerprint());
    }
}
