using System.Security.Cryptography;

namespace Stoa.Primitives.Tests;

/// <summary>Published keys and signatures.</summary>
internal static class KeyVectors
{
    // libp2p/specs peer-ids/peer-ids.md, test vectors, ECDSA.
    public const string SpecPrivateKey = "08031279307702010104203E5B1FE9712E6C314942A750BD67485DE3C1EFE85B1BFB520AE8F9AE3DFA4A4CA00A06082A8648CE3D030107A14403420004DE3D300FA36AE0E8F5D530899D83ABAB44ABF3161F162A4BC901D8E6ECDA020E8B6D5F8DA30525E71D6851510C098E5C47C646A597FB4DCEC034E9F77C409E62";
    public const string SpecPublicKey = "0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004de3d300fa36ae0e8f5d530899d83abab44abf3161f162a4bc901d8e6ecda020e8b6d5f8da30525e71d6851510c098e5c47c646a597fb4dcec034e9f77c409e62";

    // Made by go-libp2p 0.49.
    public const string GoPublicKey = "0803125b3059301306072a8648ce3d020106082a8648ce3d030107034200045aeb4301c696080333039169ce896ee644373b3924a000a968ec3af9507be376e8c9815be6c588a7d1feafa00a801e4d338cb4976aaae604ec75535bdc5b1bd8";
    public const string GoPeerId = "QmZu9py8NZfiSnsrrB1nYNMZ2WZp4Vr5z37QLftYGzVJiY";
    public const string GoMessage = "noise-libp2p-static-key:hello";
    public const string GoSignature = "30440220073327d029b0ca814587fb09f9cdac24c7cee8f402e3e2f64626b7d47f4de8ca02200427d783c872828e464c5aab2047804f993358d92be35def4e64893b1b11f657";

    public static PublicKey Go => PublicKey.FromProtobuf(Convert.FromHexString(GoPublicKey));

    /// <summary>A key as PKCS #8 from libp2p's PrivateKey message, whose Data is the older SEC 1 form.</summary>
    public static byte[] Pkcs8Of(string privateKeyMessage)
    {
        using var key = ECDsa.Create();
        key.ImportECPrivateKey(Convert.FromHexString(privateKeyMessage).AsSpan(4), out _);
        return key.ExportPkcs8PrivateKey();
    }
}
