using Stoa.Market.Identity.SignIn;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Identity.SignIn;

public sealed class RefreshTokenTests
{
    private static readonly Id<Session> Id = new(Guid.Parse("01890a5d-ac96-774b-bcce-b302099a8057"));
    private static readonly byte[] Key = [.. Enumerable.Range(0, RefreshToken.KeyBytes).Select(index => (byte)index)];

    [Fact]
    public void Token_IsReadAsItWasMade_AndTheSameEachTime()
    {
        var made = RefreshToken.Create(Id, 7, Key);

        RefreshToken.TryParse(made.Text, out var read).ShouldBeTrue();
        (read!.Session, read.Generation, read.IsMadeWith(Key)).ShouldBe((Id, 7, true));
        RefreshToken.Create(Id, 7, Key).Text.ShouldBe(made.Text);
        RefreshToken.Create(Id, 8, Key).Text.ShouldNotBe(made.Text);
    }

    [Fact]
    public void Token_OfAnotherKey_OrWithAnyCharacterChanged_IsNotGenuine()
    {
        var text = RefreshToken.Create(Id, 7, Key).Text;
        byte[] other = [.. Key.Reverse()];

        RefreshToken.Create(Id, 7, other).IsMadeWith(Key).ShouldBeFalse();
        for (var at = RefreshToken.Scheme.Length; at < text.Length; at++)
        {
            var changed = text[..at] + (text[at] == 'a' ? 'b' : 'a') + text[(at + 1)..];
            if (RefreshToken.TryParse(changed, out var read))
                read.IsMadeWith(Key).ShouldBeFalse(changed);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("stoar_")]
    [InlineData("stoa_fcbgrbor6j7kmaxj4j33tnaxhlheqimh5yidcdaa")]
    [InlineData("stoar_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("stoar_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("stoar_aaaaaaaaaaaaaaaaaaaaaaaaaa7777777aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void AnythingElse_IsNoToken(string text) => RefreshToken.TryParse(text, out _).ShouldBeFalse();

    [Fact]
    public void Printed_TokenShowsNothingOfItsSecret()
    {
        var token = RefreshToken.Create(Id, 7, Key);

        token.ToString().ShouldNotContain(token.Text[^16..]);
    }
}
