using Stoa.Market.Identity;

namespace Stoa.Market.Tests.Identity;

public sealed class ApiKeySecretTests
{
    [Fact]
    public void Secret_IsReadBackFromItsText()
    {
        var secret = ApiKeySecret.Create(new Random(1));

        ApiKeySecret.TryParse(secret.Text, out var read).ShouldBeTrue();

        read!.Hash.ShouldBe(secret.Hash);
        secret.Text.Length.ShouldBe(45);
        secret.Text.ShouldStartWith("stoa_");
    }

    [Fact]
    public void Secrets_AreDifferentEachTime()
    {
        var random = new Random(1);

        Enumerable.Range(0, 1000).Select(_ => ApiKeySecret.Create(random).Text).ShouldBeUnique();
    }

    [Fact]
    public void Secret_MistypedInOneCharacter_IsRecognisedAsSuch()
    {
        var text = ApiKeySecret.Create(new Random(1)).Text;
        for (var index = ApiKeySecret.Scheme.Length; index < text.Length; index++)
        {
            var mistyped = text[..index] + (text[index] == 'a' ? 'b' : 'a') + text[(index + 1)..];
            ApiKeySecret.TryParse(mistyped, out _).ShouldBeFalse(mistyped);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("stoa_")]
    [InlineData("stoa_a")]
    [InlineData("STOA_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("stoa_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("key_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void Text_ThatIsNoSecret_IsRefused(string text) => ApiKeySecret.TryParse(text, out _).ShouldBeFalse();

    [Fact]
    public void Printed_ItKeepsItsSecret()
    {
        var secret = ApiKeySecret.Create(new Random(1));

        secret.ToString().ShouldBe(secret.Prefix + "…");
        secret.Prefix.Length.ShouldBe(11);
    }
}
