using Stoa.Network.Identity;

namespace Stoa.Network.Tests.Identity;

public sealed class Curve25519Tests
{
    // RFC 8032 §7.1, TEST 1 and TEST 2.
    [Theory]
    [InlineData(
        "openssl", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData(
        "openssl", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    [InlineData(
        "sodium", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData(
        "sodium", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    public void Signature_OfTheRfc_HoldsAndNoOther(string library, string key, string data, string signature)
    {
        var curve = Load(library);
        var (point, message, signed) = (Convert.FromHexString(key), Convert.FromHexString(data), Convert.FromHexString(signature));

        curve.Verify(point, message, signed).ShouldBeTrue();
        curve.Verify(point, [.. message, 0], signed).ShouldBeFalse();
        curve.Verify(point, message, signed.AsSpan(1)).ShouldBeFalse();
        signed[7] ^= 1;
        curve.Verify(point, message, signed).ShouldBeFalse();
    }

    // RFC 7748 §6.1.
    [Theory]
    [InlineData("openssl")]
    [InlineData("sodium")]
    public void Agreement_OfTheRfc_IsTheSameForBoth(string library)
    {
        var curve = Load(library);
        var alice = Convert.FromHexString("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
        var bob = Convert.FromHexString("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        var (ofAlice, ofBob, agreed) = (new byte[32], new byte[32], new byte[32]);

        curve.DerivePublicKey(alice, ofAlice);
        curve.DerivePublicKey(bob, ofBob);

        Convert.ToHexStringLower(ofAlice).ShouldBe("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
        Convert.ToHexStringLower(ofBob).ShouldBe("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
        curve.TryAgree(alice, ofBob, agreed).ShouldBeTrue();
        Convert.ToHexStringLower(agreed).ShouldBe("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        curve.TryAgree(bob, ofAlice, agreed).ShouldBeTrue();
        Convert.ToHexStringLower(agreed).ShouldBe("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    }

    [Theory]
    [InlineData("openssl")]
    [InlineData("sodium")]
    public void Agreement_WithAPointOfSmallOrder_IsNone(string library)
    {
        var curve = Load(library);
        var secret = new byte[32];
        secret.AsSpan().Fill(9);

        curve.TryAgree(secret, new byte[32], new byte[32]).ShouldBeFalse();
        curve.TryAgree(secret, [1, .. new byte[31]], new byte[32]).ShouldBeFalse();
    }

    private static ICurve25519 Load(string library)
    {
        var curve = library == "openssl" ? (ICurve25519?)OpenSslCurve25519.TryLoad() : SodiumCurve25519.TryLoad();
        Assert.SkipUnless(curve is not null, $"{library} is not on this machine.");
        return curve!;
    }
}
