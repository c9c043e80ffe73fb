using Stoa.Market.Identity.SignIn;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Identity.SignIn;

public sealed class RefreshTokenTests
{
    private static readonly Id<Session> s_id = new(Guid.Parse("01890a5d-ac96-774b-bcce-b302099a8057"));
    private static readonly byte[] s_key = [.. Enumerable.Range(0, RefreshToken.KeyBytes).Select(index => (byte)index)];

    [Fact]
    public void Token_IsReadAsItWasMade_AndTheSameEachTime()
    {
        var made = RefreshToken.Create(s_id, 7, s_key);

        RefreshToken.TryParse(made.Text, out var read).ShouldBeTrue();
        (read!.Session, read.Generation, read.IsMadeWith(s_key)).ShouldBe((s_id, 7, true));
        RefreshToken.Create(s_id, 7, s_key).Text.ShouldBe(made.Text);
        RefreshToken.Create(s_id, 8, s_key).Text.ShouldNotBe(made.Text);
    }

    [Fact]
    public void Token_OfAnotherKey_OrWithAnyCharacterChanged_IsNotGenuine()
    {
        var text = RefreshToken.Create(s_id, 7, s_key).Text;
        byte[] other = [.. s_key.Reverse()];

        RefreshToken.Create(s_id, 7, other).IsMadeWith(s_key).ShouldBeFalse();
        for (var at = RefreshToken.Scheme.Length; at < text.Length; at++)
        {
            var changed = text[..at] + (text[at] == 'a' ? 'b' : 'a') + text[(at + 1)..];
            if (RefreshToken.TryParse(changed, out var read))
                read.IsMadeWith(s_key).ShouldBeFalse(changed);
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
        var token = RefreshToken.Create(s_id, 7, s_key);

        token.ToString().ShouldNotContain(token.Text[^16..]);
    }
}
