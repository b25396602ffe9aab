"""NAS-Bench-301's models of others: YAHPO Gym's network, the official boosters, its API.

No folder of the release is at hand. The folders here are GENERATED in its layout, two of them with real bytes of the
libraries of its time: boosters that XGBoost 1.0.2 and LightGBM 2.3.1 fitted and pickled, with what these predict.
"""

import base64
import csv
import gzip
import json
import lzma
import pickle
import re
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import nasbench_kit as nbk
from nasbench_kit.cli import main
from nasbench_kit.compat import nasbench301 as nb
from nasbench_kit.errors import (
    ArchitectureError,
    DataError,
    ImportDataError,
    NasbenchKitError,
    SettingError,
)
from nasbench_kit.formats.xgboost_binary import to_json
from nasbench_kit.predictors.splits import held_out
from nasbench_kit.spaces import DARTSSpace
from nasbench_kit.surrogates import Surrogate
from nasbench_kit.surrogates.published import load_published, yahpo
from nasbench_kit.surrogates.published.official_nasbench301 import Member, read, read_booster

SPACE = DARTSSpace()

# lzma, base85. Fitted to 400 random architectures: XGBoost to depth 3 with gamma=15, which prunes; four trees.
XGBOOST_1_0_2 = (
    "T>t<81poj4|NsC0{{TP$$OK12p3Hy^dcM(drX=c!0HJLWXeWO4cd69+vEm6SVg${&=1AoS)_uu!K%e+<tzpF2O*(_1G|8ODfTXdTXNFi>8qYDdp)"
    "TuPLKh?MWMa<_%_t|igEL6ptLbajYH5HW{8M!Bh`0b!WPT%tO7f-mJIw&hLKKu~8pD$L_1hREoij!{8c&*T{v~b65OPI~P^fgcXEBsA+czCp{{6`"
    "9NkPFVzcL>7fjTj*>yb*nXeijf=he*?Zi3Awt|?#{+5hxoEB)#nNBM!zpuFyN*C+jKEH&<m2E!99&L%H7OQ(KiK79Bwba;_c_@>LvtK^&7oL^vL{"
    "_+o)mY{W5%PntP>&ziM_l(fH(@|BR&cg}bK`asuuwph8Y0BUowGRHaBm<P|8Itn2R400DHHFSlK_8_U9fytkL$Jf+@lhmjm(X~5{oVc$_f6yESQQ"
    "-l^d>lxLIy*3;Kb*M>Nm!f%7^#|I7+KUIOq0Sw#4hF!pt%gr`z%gs<;>Snif%Lx0)RqB~r3vI3&qw(x;_{4HjQtZ2sT3Gorsv3!>2x09o9dBzY6;"
    "H(s$N2%JG+b$Wsl>)`~v=ajCZaZ0>l1sC@7sKsqc`x@*d{au6kXE11KG#aY8wzrF0SW<aRWsIChq;;A+V|0}4?eL>!1Ic3JROrGQ1hV&HdJgE4z<"
    "v{S@%3f|60bPcmmB}=UUDL!T1DFC7`oFkhp=Ecn<<g5w$G(&H%l{uiHs3{U>UC%CBT`2B&YYuiEI7`gQQXugC8)=H2X0eb?gy98MJ>e=Z6ak6x_$"
    "<UDH}wVadYvz=D@cPQjmRcd9Lx_r2yi*62-FOT&X1g+20Wz99iT6qU*CYi4nw2KY#(k@u~F5N5q&ul=zvmH|TME+)D+b+e~uE46RzbiR(s3&NIi{"
    "0P*e4MQtW+vjiuxAHXR(UjQ{NGv(@bnp$LvexFmB{8Vs+p%`b&(6HQB={r^8_R(7CBF916D8{EAZZN&Vo9N?_dy6z6>&b?G4kGHNLyXZJAFQnMLv"
    "6voGp*b_FVHGLkY7O#4c2_{)Gwu=SQO9=NakY3aB-vGziYI0kUQcLt!|jT#l%h-60`*SHMaZXrHJq=$G?yYUj_cdOUh4j?AdZe~Jil&Y}q6uh1c8"
    "NI@f?XERB=;&igvTr@!zgkXM#tgTU>x41Jkxqf6YO_^tSl&TQde}2fdYtX}@LEiLqVOrVDHW-s-Nn5)Tj=Y^KJapKiWf-jQL_gM@@Hox`tFxquQe"
    "1h1yP0m6C%ekPnW8Unacr)<om7s<sO15cM7r!lf_x=%Wweo?s^<oajfA+#8n`}*=@|QS8en`p-wPM%ogtx$TUL!$g*)!?U7YQ2ZMOsa8uO1E{0hP"
    "<8G&3zUC~seuX~DrRBNN{Vu}4Ha^)ACZt(sy4_~m!+sf1)Q_gCjSftgGrMKijbbM>|_x61Bm+?($$raHWhO>12oJNbUSHk^1$sr`NCuv0N@@VG@-"
    "?N6D^}t_FdvsXEMnd|PDLJMRw^BAqZQPBlkXRVRBj2lGP)C3C8-q|_F-r<pxF6hb>ZVlB2~&$3<1*7iR{`h0ze0pgE5QIN-2B!ykE;kJpie#7ikD"
    "JkzkpMT8i@oHr{$z&k-rb5frzklY!&smg;0jI9GbgsO^%w3y7{o^1l(-SM>;5B-9!%WaWIU)x~(k=*<ftRNf;@7`D-^#iw|*IMbxnW#e{l5!{KtO"
    "fW;B}Y&1v@JyBgCSKn<gY9gls8(@q3y!c*bQ}GV$4<zEDE!}0Maa;FdUbT6h5DbwoocKmd<WXD!P33+QH}YDEBe2S{CypoFB9O=s6K4n@Fn$L8q1"
    "u7#$+1ZKc}E$5abCb&9h_$N>yjmO*`GH{fhfUs3}-CHiKJc>jkC(r4iHA9!B2)ApYG(>$QXyzXh9<&!GiVa0<~5D@5E;`h%dq-k5ERff<%Ev5-hN"
    "j@op9`4qTI?M?JvGVMjAc4e1`2ic3UEFdibnx<bW351C{wd?y_Eq@ZSRdmjw(^e57ca3IPJ9hr+1;@-o<HOIw^NHo8MuTN+p-Zzr+R}E)cp-X}yc"
    "Ji;rG~s&umPC{>#=0Oc&Vy>2r5Q#ZzHaTmId3zJ#~WUdD8Q~lUG<HdxSpr1m81f9sSrCQkeo?F#s_^mySiKEvo?k~0CPYCd{Lwlbr;*YkTdx7rs%"
    "Ie_*GgHJTBzR#vb4l8hMn$cD)*|Brq?DAeQ)+oSF|H{4q|@$gbv+<|3s#%ar_VgzYk;MLqNRnDho47sP%{;4~R{2Lsj=KeE5Nrgt~OL|iypH!Z7%"
    "5CYF+kB0~lXM;<F$P>wZL)G{7NgB@#)~c8&gi~wn%VSEk9VjoNr(974`xZUvH)Rugf*$%gCptur3uDKwm)VOIYjW9AG0sjsK*%|W&YIo9Us0T*V-"
    "guD#;McC$DC^xUBKiXG~&bFk@WcX-_})`>_ck1p8b{IT6f_EbRK;L{iglv$G<Nr@(3~lHV?fm@b+@-4vXK+gD&biGCLpuMU&!nQ}b4UhFs|EUS-!"
    "Wlt=U{=~j2MRqAI*Ac+VGjXfnSV6(68+_Xl2`rABt"
)

LIGHTGBM_2_3_1 = (
    "T>t<81poj4|NsC0{{TP$$ODa6dgDb-6{&i@U2hzuk#lO1^or<c%2V@f5z=Ot^|AhH$Qh+!A-2Ybub!(5LchoN=u%cAZAq|h$6vcDpTQ2AQZ9gcEw"
    "JZGc8Iyr7+lEXGN|&0;Ub`BO^Pg=D;Z^NB9!|=UKzCQ_Y}7NHyKx7!e&oxwyr#6<^N2N6^|F7oLPN88P^%)U2anTtBfbP9qCl=&oixv;}9bQ?(l@"
    "Q^6&@A==N+bg5+Dt-zFmhR^b<rgF#*-;G)FK?3JEQA1)U$r;_B6_Y^R}E}l^{B82C<evz?<0y&(JDRPdXfP^}cI^Fm?{Y){}g(^Z3X>F0b&s6jo8"
    "cU6NXtyB%XZJhnq2iUWTV9R;S0fqR3mtD)Szw9X5sY#$S@*rrGkyQ^k3Cig@p$6!DwoDr933tnMBJXU>@P)?JzX5@L)NH3opjE*z#EwnrJFGEGw1"
    "Z^o$+y!BFZOa#sJa)Y)7X;okznUyHyFIu>P)4ToP|J9~ig>_%O%W{Y+~S1|DF$23Kh9>DbDjUs@H<^K6RVDP@ev*h8C<TO8VC=|=6wry}5f@r}^+"
    "OmbKF`uR^J6cCyh;^|Mg-J3z2nKsuM%#TRSlT|0p5nOVyO_`alz8JxWZ~hPdyxfw`>0Gia&|hC>K=dbZu}ak~pGnVGK_t5B9i^69zBB}Rtl&@8Jc"
    "{7%4MC!{A2?UWV0Hu^d{o|KSJ|F5wg8iO^#nl86_f2B$YCGFU&vd=fjJL0nxsPe_nc}TWxvoDSak&lJY~nMk3#0z#R*|oKp#%^RhetKevYsmxbga"
    "+hy)+G$7?QhekV2(R0PgnBW`ud-%>lZoJwE1FMD#T+$TTp+aN8GdXdMXx|3LeDG%;FtSt*6cO2lWJWoT!1~2w7?y~=<Kw!C#)SK-Q`7bQ3IPJt$J"
    "p|Bq&&Nz@!u`q^gQbYaUc^IEbspvWHf(~>%9r|+5;^?+2isejz7L&H#$scoa(H0DwNZz!OCQ)=nfDpCSo{0-VGrYjFSWnAx+iuNT-Mm`5_Mv`qM9"
    "L-aYfiswwFl86$I${%KvqYITTbL*OL<YfO7wVttN@^9De!J6c`hO%P;*1b*hv%dHrO5@EhemqbZ1liH1V%Sz+cAnRmj`+g}%GT`z|D%R|*z)zqKF"
    "P2tWDIr-YUGOa=V>GVtxU6?x&B7Y|1R;pwI(STfdm4yZ!QcFW*tO?_1WiY#fMjaD74(dV6^{`!coOPfX1NZG2_6YsdmWDkY+tdHJXk$3pvsbYQeq"
    "CO(X#DbQehRo_R9Mp%uO%>H#$DP)={7$4l~z^9WcUPCM1lG3N_4cW7LB}pp=_N+wp)F!B{CA>1WcbBv9y{5?iXVd_AVJ^LnU24pC9_V+*M2xcE`K"
    "hp$ez-)G<O{YBqLY)a#m|9tJh}9njaavEn-4k`(+X(H+;L-IRoDnE!9QTZ_|ZP0_~}jZOro{g*>*Kn<h)@!P=C@(0!y<-nE)2@v!#J{ObUfPCf&c"
    "to2SNEq!qPQV3k`&y=!VntERJEYl`M@z7%IH(SA{fY^P(AeS0i2Y&Vh6_M>9WXq=3X1wNZC?Q|yIqRN{gs1n9ql|Du}9)cOfsWyD11v*dXTv_%dO"
    "l9PS`85<MW@N9Q$5U7<yQjuSz4`haA|-t<g*gr(8L2-t$!-GNM@2lkCN*8FTb9^hZ|tbN*zBes!yA3;MG<J=4366D9Zsg7VYyxdQGaqRqh}BrQte"
    "Imdi|17>ea=)Qs2nbmZnJMv!`F4?aNs_lxhDXKkN9;|hTJY!6U-81A4SAm(8PBt5e8ZI%g%(F%wr+9*0QT=oO)iziT-RymJwLP$|PFO=dwOSJ?<F"
    "Jk-I|H6(Zu&*Ppeu%(rFS$_{=6=B&WT@EU_R*0Y8PEfXlqq*4bp84p4(U^yxg<&d%PSS5WY4v<&qIeU)tMTj!-odO{w0My7ltT@^ze9w0mE{SijN"
    "GDWQm)$W`nN8t~Z-?S?VDi$rW}A7i7&GFcK3yHMv4@bRKk)@Di{ibAy)UY8cBA-{CB9}>Q!jJY_YaDE1u)9ZPjHm$Q%Y!Fxn^6uu8f^#!O5jv|~V"
    "w}X2jM8$-c_}_!%fq#PDv_#jHo(;GY(Beun%!klM;Z)k4K-EIs<=^&o*}=H<?I-dA52&skX@1u_*aLkXM?U%ELpKcT+)nsK#PhVM<ylC43#0N0p-"
    "A<sO1p*9i|w3Aax8{CikO#(YmXi&eaX!WUIX*&~qbR#k-r;T>(JG8J8S4J92bU2fm;K=*OfekvuF`z9rV_3+LkV#LRIx3C5ZUOrQb<1etGP4q<rZ"
    "&h&M8XchP8VI~CqlkvOx(i?`>cMQI6vxRfXNt18RbD_3wy^SeADxR|viBP$8vhb0iy&XnngnLOQCNsZNmok2?FDxOOExiJ_2~ameR%Y6)Z7W2Iu^"
    "o(Ro^^i2apa!tpA?VM1u<FcEN-5S)E;I8nM%k;X_)%iZ6-xmpo!ZB<WXSN5ZtRD48bajACw*MY0Hx;6IQ3x4?M-TwaU@3#R~O6)}Ds_4>c|+-`{3"
    ";{~~eEozH&Eq4!c_4xrQ^HXM@V`E`wC`4~?vgWfoURB$mlZ7eRj(>9dyi~<WE&R}9|zKV+X6FPnWzybXW<&nQrHp$e9FVBDy!L*2rXO<-NZA1RDJ"
    "Kf3%MI?w71rWch9{q^U>G)dXQ2Z&CIeuGX;F|DuC!PsZnj(#uI1GsMu2aaUfmctVGm66*7P~IAww_vzs%N>m06NDFI0yrM2aajt>gYrb`LU*mrN#"
    "Eb>%AtDN(>!GueA$0@oB)bw>u&+z*ShrfjQi$6b5323xLTHmS+zRTFhJ@YK)!d315sFY$`7h|9id(s9ul`8wy7J!d}@jmb(kBc>ZB$*~l#?QoV@`"
    "e5N;P9@h|TCA95!q9Zk#N_s1-MGd=e17GQ3I24Ny!x`mA>aUd1BfZ4d5sVJBrS*ZYiMP>y6vWWtMJlm8>h6^6UdtPPTX(&Yd0E*Tks(@D>EI4YU!"
    "N@<Nm-_fY;;!?#Ui(g1xpa$_89k<LoZV!Liomf-W`CX`tCx{*(^+-h<=q0=EyXp3J35s5Z9k2i0MT13yD*#-mRFWp{>S_PDzoE59JpzjdMMrlnx;"
    "l9_?`TzI=8yn|T~;lfR<L<Tc@FQ`@TIOCSM;P0Tu$FtGR~)kKsKB5F!;lkPa<u3pxoVCdvy8bSt9hmu)ph_Kcm`n{RRoz)!sSjIW6<2i(;cC%*ZO"
    "MLj@=N0vz@xxXp3grM(YzpDEd$MznRMGMs2Gih)9+>vj@DvSq$?7BC(*MVItTqb!5;%1l8rEti<lLoSZt!mT(M*+RiSi55CFKozfVS5Ea&hx&y7|"
    "gtjkQc*-wRN+2of2iHw2RXVXIz;k5si3DB+c}35)n7m(N8&mi94d$^Z1fY-a"
)

ARCHS = [
    [5, 5, 1, 2, 0, 2, 2, 0, 0, 6, 4, 1, 3, 2, 6, 5, 2, 3, 4, 0, 3, 1],
    [6, 0, 2, 6, 1, 5, 6, 0, 7, 0, 3, 3, 1, 0, 5, 2, 0, 4, 3, 7, 1, 2],
    [5, 3, 1, 1, 0, 5, 0, 5, 3, 6, 2, 6, 3, 0, 5, 4, 4, 3, 1, 6, 0, 4],
    [4, 2, 2, 1, 2, 4, 2, 4, 6, 6, 6, 5, 5, 0, 4, 5, 2, 3, 3, 9, 2, 2],
]
# what these versions of the libraries predict for ARCHS from their own boosters, by Booster.predict
OLD = {
    "xgb": (XGBOOST_1_0_2, [95.82943725585938, 95.79096984863281, 95.82943725585938, 95.7172622680664]),
    "lgb": (LIGHTGBM_2_3_1, [96.04731093140722, 96.78781431946527, 95.99224414465489, 96.15617204756025]),
}


def unpacked(text):
    return lzma.decompress(base64.b85decode(text))


# ---- boosters ----


@pytest.fixture(scope="module")
def trained():
    """(model, member) -> a pickled booster of the installed library, and the library's own predictions for `archs`."""
    import lightgbm
    import xgboost

    rng = np.random.default_rng(0)
    archs = SPACE.sample_many(rng, 600)
    x = SPACE.vector(archs)
    accuracy = 93 + 0.3 * x[:, 10] - 0.1 * x[:, 33] + rng.normal(0, 0.1, 600)
    made = {}
    for member in range(3):
        booster = xgboost.train(
            {"max_depth": 5, "eta": 0.3, "colsample_bytree": 0.3, "seed": member, "nthread": 1},
            xgboost.DMatrix(x[:400], accuracy[:400]), 40, evals=[(xgboost.DMatrix(x[400:], accuracy[400:]), "val")],
            early_stopping_rounds=5, verbose_eval=False,
        )  # fmt: skip
        made["xgb", member] = pickle.dumps(booster), booster.predict(xgboost.DMatrix(x))
        for model, y in (("lgb", accuracy), ("lgb_time", 5_000 + 300 * x[:, 11])):
            settings = {"verbosity": -1, "num_leaves": 7, "learning_rate": 0.5, "feature_fraction": 0.3, "seed": member}
            booster = lightgbm.train(
                settings | {"num_threads": 1}, lightgbm.Dataset(x[:400], y[:400]), 60,
                valid_sets=[lightgbm.Dataset(x[400:], y[400:])], keep_training_booster=True,
                callbacks=[lightgbm.early_stopping(3, verbose=False)],
            )  # fmt: skip
            made[model, member] = pickle.dumps(booster), booster.predict(x)
    return archs, made


def put(folder, model, booster, **settings):
    """A member's folder, as the release has it."""
    folder.mkdir(parents=True)
    (folder / "surrogate_model.model").write_bytes(booster)
    (folder / "model_config.json").write_text(json.dumps({"model": model, "param:bananas_enc": False} | settings))
    (folder / "data_config.json").write_text(json.dumps({"seed": 1, "dataset_size": None}))


@pytest.fixture
def release(trained, tmp_path):
    """nb_models: an ensemble of three for accuracy by each library, and one of two for runtime."""
    for (model, member), (booster, _) in trained[1].items():
        ensemble = {"lgb_time": "lgb_runtime"}.get(model, model)
        if ensemble != "lgb_runtime" or member < 2:
            put(tmp_path / "nb_models" / f"{ensemble}_v1.0" / f"{ensemble}_{member}", model, booster)
    return tmp_path / "nb_models"


@pytest.mark.parametrize("model", ["xgb", "lgb"])
def test_boosters_of_the_releases_time_predict_what_their_libraries_did_to_the_last_bit(model, tmp_path):
    text, predictions = OLD[model]
    put(tmp_path / "0", model, unpacked(text))
    booster = read_booster(Member(tmp_path / "0" / "surrogate_model.model", model))
    assert booster.predict(SPACE.vector(ARCHS)).tolist() == predictions
    kept = booster.save(tmp_path / "kept")
    assert type(booster).load(kept).predict(SPACE.vector(ARCHS)).tolist() == predictions


@pytest.mark.parametrize("model", ["xgb", "lgb"])
def test_members_predict_what_the_pickled_boosters_do(model, trained, release):
    archs, made = trained
    found = read(release / f"{model}_v1.0").members("val_accuracy", archs)
    assert found.tolist() == [made[model, member][1].astype(float).tolist() for member in range(3)]


def test_lightgbm_stops_at_its_best_iteration_as_the_pickled_booster_does(trained):
    state = pickle.loads(trained[1]["lgb", 0][0])
    assert 0 < state.best_iteration < state.num_trees()  # else the test before would not see it


def test_an_imported_ensemble_is_a_surrogate_of_fractions_and_seconds(trained, release, tmp_path):
    archs, made = trained
    out = tmp_path / "made"
    result = CliRunner().invoke(
        main, ["surrogate", "import", f"{release}/xgb_v1.0", f"{release}/lgb_runtime_v1.0", "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    assert "3 members" in result.output
    assert "val_accuracy, cost_s at epoch 98" in result.output
    surrogate = Surrogate.open(out)
    surrogate.verify()
    accuracy = np.stack([made["xgb", member][1] for member in range(3)]).astype(float)
    seconds = np.mean([made["lgb_time", member][1] for member in range(2)], axis=0)
    bench = nbk.Benchmark(surrogate, "cifar10")
    arch = tuple(archs[0].tolist())
    one = bench.query(arch)
    assert (one.epoch, one.seeds) == (98, (0, 1, 2))
    assert one.val_accuracy == pytest.approx(accuracy[:, 0].mean() / 100, rel=1e-6)
    assert one.cost_s == pytest.approx(seconds[0], rel=1e-6)
    assert bench.query(arch, seed=1).val_accuracy == pytest.approx(accuracy[1, 0] / 100, rel=1e-6)
    spread = surrogate.predict("cifar10", archs).spread
    assert spread == pytest.approx(accuracy.std(axis=0) / 100, abs=1e-7)  # ddof 0, as the release has it
    assert not any(path.suffix == ".model" for path in out.iterdir())  # no pickle is kept


def test_graph_networks_of_the_release_are_refused_in_one_line(tmp_path):
    put(tmp_path / "gnn_gin_v1.0" / "gnn_gin_0", "gnn_gin", b"PK\x03\x04")
    with pytest.raises(
        ImportDataError, match=r"is a 'gnn_gin'; of NAS-Bench-301's models the boosters are read, xgb and"
    ):
        nb.load_ensemble(tmp_path / "gnn_gin_v1.0")


def test_folders_of_several_models_ask_for_one(release, tmp_path):
    with pytest.raises(ImportDataError, match="val_accuracy has members of several models, lgb, xgb; give the folder"):
        load_published([release], tmp_path / "made")
    with pytest.raises(ImportDataError, match="these members predict runtimes alone"):
        load_published([release / "lgb_runtime_v1.0"], tmp_path / "made")
    assert not (tmp_path / "made").exists()


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


@pytest.mark.parametrize("booster", [pickle.dumps(Evil()), b"", b"no pickle", pickle.dumps({"handle": bytearray(9)})])
def test_other_pickles_are_refused_and_not_executed(booster, tmp_path):
    put(tmp_path / "xgb" / "0", "xgb", booster)
    with pytest.raises(ImportDataError, match=r"not executed|no readable pickle|holds no booster of xgb"):
        nb.load_ensemble(tmp_path / "xgb")


@pytest.mark.parametrize("model", ["xgb", "lgb"])
def test_damaged_boosters_end_in_one_line(model, tmp_path):
    whole = unpacked(OLD[model][0])
    for number, length in enumerate(np.linspace(1, len(whole) - 1, 40).astype(int)):
        folder = tmp_path / str(number)
        put(folder, model, whole[:length])
        with pytest.raises(NasbenchKitError) as caught:
            read_booster(Member(folder / "surrogate_model.model", model))
        assert "\n" not in str(caught.value)


def test_a_damaged_old_booster_of_xgboost_gives_trees_or_one_line():
    state = unpacked(XGBOOST_1_0_2)
    content = state[state.index(b"CONFIG-offset:") : state.index(b"}", state.index(b'{"')) + 1]
    trees = json.loads(to_json(content))["learner"]["gradient_booster"]["model"]["trees"]
    assert [tree["tree_param"]["num_deleted"] for tree in trees] != ["0"] * 4  # pruned nodes are among them
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(content[: int(rng.integers(len(content)))])
        for at in rng.integers(0, max(len(damaged), 1), 3):
            damaged[at : at + 1] = bytes([int(rng.integers(256))])
        try:
            to_json(bytes(damaged))
        except DataError as error:
            assert "\n" not in str(error)  # noqa: PT017 (either is right)


# ---- nasbench301's API ----

# DARTS (second order), Liu et al. 2019, genotypes.py of https://github.com/quark0/darts: DARTS_V2
Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")
DARTS_V2 = Genotype(
    normal=[
        ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 1),
        ("skip_connect", 0), ("skip_connect", 0), ("dil_conv_3x3", 2),
    ],
    normal_concat=[2, 3, 4, 5],
    reduce=[
        ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 1), ("max_pool_3x3", 0),
        ("skip_connect", 2), ("skip_connect", 2), ("max_pool_3x3", 1),
    ],
    reduce_concat=[2, 3, 4, 5],
)  # fmt: skip


def test_an_ensemble_answers_in_percent_and_seconds(trained, release):
    archs, made = trained
    performance, runtime = (nb.load_ensemble(str(release / name)) for name in ("lgb_v1.0", "lgb_runtime_v1.0"))
    genotype = SPACE.genotype(archs[0].tolist())
    expected = np.mean([made["lgb", member][1][0] for member in range(3)])
    assert performance.predict(config=genotype, representation="genotype", with_noise=False) == pytest.approx(expected)
    expected = np.mean([made["lgb_time", member][1][0] for member in range(2)])
    assert runtime.predict(genotype, "genotype", False) == pytest.approx(expected)
    assert (performance.metric, performance.n_members, runtime.metric, runtime.n_members) == (
        "val_accuracy", 3, "cost_s", 2,
    )  # fmt: skip


def test_noise_is_one_draw_with_the_standard_deviation_of_the_members(trained, release):
    archs, made = trained
    api = nb.load_ensemble(release / "xgb_v1.0")
    members = np.array([made["xgb", member][1][3] for member in range(3)], float)
    genotype = SPACE.genotype(archs[3].tolist())
    np.random.seed(7)  # noqa: NPY002 (nasbench301 draws from numpy's global state)
    drawn = [api.predict(genotype, "genotype") for _ in range(400)]
    np.random.seed(7)  # noqa: NPY002
    expected = [members.mean() + np.random.normal(0, members.std()) for _ in range(400)]  # noqa: NPY002
    assert drawn == pytest.approx(expected, abs=1e-6)
    again = [api.predict(genotype, "genotype", rng=np.random.default_rng(1)) for _ in range(2)]
    assert again[0] == again[1] != drawn[0]


def test_all_representations_of_an_architecture_are_the_same(release):
    api = nb.load_ensemble(release / "lgb_v1.0")
    arch = SPACE.parse(DARTS_V2)
    whole = SPACE.configuration(arch, training=True)
    compact = [[(source, nb_operation(name)) for name, source in cell] for cell in (DARTS_V2.normal, DARTS_V2.reduce)]
    configs = [
        (DARTS_V2, "genotype"), (SPACE.configuration(arch), "configspace"), (whole, "configspace"),
        (namedtuple("Configuration", "get_dictionary")(lambda: whole), "configspace"), (compact, "BANANAS"),
    ]  # fmt: skip
    assert len({api.predict(config, representation, with_noise=False) for config, representation in configs}) == 1


def nb_operation(name):
    return SPACE.decisions[0].choices.index(name)


def test_known_defect_13_a_genotype_with_the_same_input_twice_says_why_it_cannot_be_expressed(release):
    api = nb.load_ensemble(release / "lgb_v1.0")
    twice = DARTS_V2._replace(normal=[("sep_conv_3x3", 0), ("skip_connect", 0), *DARTS_V2.normal[2:]])
    with pytest.raises(ArchitectureError, match=r"twice|same input"):
        api.predict(twice, "genotype")
    with pytest.raises(KeyError, match="unknown representation 'bananas'; did you mean 'BANANAS'"):
        api.predict(DARTS_V2, "bananas")
    other = SPACE.configuration(SPACE.parse(DARTS_V2), training=True) | {"OptimizerSelector:sgd:momentum": 0.5}
    with pytest.raises(SettingError, match=r"OptimizerSelector:sgd:momentum=0.5: NAS-Bench-301 was trained with 0.9"):
        api.predict(other, "configspace")


def test_fixed_hyperparameters_are_the_originals():
    # nasbench301 0.3, api.py
    assert len(nb.fixed_hyperparameters) == 22
    assert nb.fixed_hyperparameters["NetworkSelectorDatasetInfo:darts:layers"] == 8
    assert nb.fixed_hyperparameters["SimpleTrainNode:mixup:alpha"] == 0.2


def test_a_surrogate_of_ours_stands_in_for_an_official_folder(release, tmp_path):
    load_published([release / "xgb_v1.0"], tmp_path / "made")
    ours, theirs = nb.load_ensemble(tmp_path / "made"), nb.load_ensemble(release / "xgb_v1.0")
    for arch in ARCHS:
        config = SPACE.configuration(arch)
        found = [api.predict(config, "configspace", with_noise=False) for api in (ours, theirs)]
        assert found[0] == pytest.approx(found[1], rel=1e-6)
        assert found[0] > 50


# ---- YAHPO's network ----


@pytest.fixture(scope="module")
def yahpo_files(shared_data):
    return shared_data / "nasbench301"


@pytest.fixture(scope="module")
def teacher(yahpo_files, tmp_path_factory):
    return load_published([yahpo_files], tmp_path_factory.mktemp("yahpo") / "nb301")


@pytest.mark.shared
def test_batches_of_the_network_are_what_the_file_says_one_at_a_time(teacher, yahpo_files, shared_data):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(yahpo_files / "nb301_v1_model.onnx"), providers=["CPUExecutionProvider"])
    codes = json.loads((yahpo_files / "encoding.json").read_text())
    archs = SPACE.sample_many(np.random.default_rng(3), 5)
    epochs = (1, 2, 6, 50, 98)
    accuracy, seconds = teacher.predictor.curves(archs, epochs)
    for row, arch in enumerate(archs.tolist()):
        configuration = SPACE.configuration(arch)  # by names, where the module goes by columns
        names = [configuration.get(name.replace("_COLON_", ":"), "#na#") for name in codes]
        numbers = np.array([[table[name] for table, name in zip(codes.values(), names, strict=True)]], np.int32)
        for at, epoch in enumerate(epochs):
            (((percent, runtime),),) = session.run(None, {"x_cat": numbers, "x_cont": np.float32([[epoch]])})
            assert 100 * accuracy[row, at] == pytest.approx(percent, abs=2e-4)
            assert seconds[row, at] == pytest.approx(runtime, abs=0.02)


@pytest.mark.shared
def test_the_network_agrees_with_nasbench301s_own_surrogate_as_naslib_recorded_it(teacher, yahpo_files, shared_data):
    from scipy.stats import spearmanr

    with gzip.open(yahpo_files / "naslib_zc_nb301_1218.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    archs = np.array([SPACE.parse(row["compact_arch"], form="naslib") for row in rows], np.uint8)
    recorded = [float(row["val_accuracy"]) for row in rows]
    found = teacher.predictor.curves(archs, (98,))[0][:, 0]
    swapped = teacher.predictor.curves(np.roll(archs, 11, axis=1), (98,))[0][:, 0]  # each cell in the other's place
    assert spearmanr(found, recorded)[0] > 0.75
    assert spearmanr(swapped, recorded)[0] < 0.6


@pytest.mark.shared
def test_the_clock_of_the_imported_network_runs_forward(teacher, shared_data):
    archs = SPACE.sample_many(np.random.default_rng(4), 60)
    outputs = teacher.predictor.outputs(archs)
    accuracy, cost_s = (
        np.stack([teacher.at("cifar10", metric, epoch).prediction(*outputs).mean for epoch in yahpo.EPOCHS])
        for metric in ("val_accuracy", "cost_s")
    )
    assert (np.diff(cost_s, axis=0) > 0).all()
    assert cost_s[0] * 6 == pytest.approx(cost_s[5], rel=1e-5)  # the sixth epoch's seconds, shared out
    raw_accuracy, raw = teacher.predictor.curves(archs, (1, 2, 6, 98))
    assert (raw[:, 0] > raw[:, 1]).all()  # the fault of the file that this mends
    assert cost_s[5] == pytest.approx(raw[:, 2], rel=1e-6)
    assert cost_s[-1] == pytest.approx(raw[:, 3], rel=1e-6)
    assert accuracy[-1] == pytest.approx(raw_accuracy[:, 3], rel=1e-6)
    assert ((accuracy > 0.05) & (accuracy < 1)).all()


@pytest.mark.shared
def test_one_architecture_alone_and_in_a_batch_are_the_same(teacher, shared_data):
    archs = SPACE.sample_many(np.random.default_rng(5), 7)
    batch = teacher.predict("cifar10", archs).mean
    bench = nbk.Benchmark(teacher, "cifar10")
    assert [bench.query(tuple(arch)).val_accuracy for arch in archs.tolist()] == batch.tolist()


@pytest.mark.shared
def test_the_card_of_the_imported_network_names_its_files_and_licence(teacher, shared_data):
    # slds-lmu/yahpo_data, nb301; the hash is of the file as it was downloaded
    assert teacher.about["licence"] == "Apache-2.0"
    assert teacher.card.files["model.onnx"] in [source["sha256"] for source in teacher.about["sources"]]
    assert teacher.metrics("cifar10")["val_accuracy"].epochs == tuple(range(1, 99))
    assert teacher.objectives == {"cifar10": "val_accuracy"}


@pytest.mark.shared
def test_damaged_networks_and_codes_end_in_one_line(yahpo_files, shared_data, tmp_path):
    whole = {
        "model.onnx": (yahpo_files / "nb301_v1_model.onnx").read_bytes(),
        "encoding.json": (yahpo_files / "encoding.json").read_bytes(),
        "config_space.json": (yahpo_files / "config_space.json").read_bytes(),
    }
    codes, space = json.loads(whole["encoding.json"]), json.loads(whole["config_space.json"])
    first = next(iter(codes))
    damaged = [
        *({"model.onnx": whole["model.onnx"][:n]} for n in (0, 1, 100, 5_000, 1_000_000, len(whole["model.onnx"]) - 9)),
        {"model.onnx": b"x" * 10_000},
        {"encoding.json": whole["encoding.json"][:-50]},
        {"encoding.json": b"[]"},
        {"encoding.json": json.dumps({name: codes[name] for name in codes if name != first}).encode()},
        {"encoding.json": json.dumps(codes | {first: codes[first] | {"#na#": 3}}).encode()},
        {"encoding.json": json.dumps(codes | {first: {"a": 0}}).encode()},
        {"config_space.json": b"{}"},
        {"config_space.json": json.dumps(space | {"conditions": space["conditions"][1:]}).encode()},
    ]
    for number, files in enumerate(damaged):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, content in (whole | files).items():
            (folder / name).write_bytes(content)
        result = CliRunner().invoke(main, ["surrogate", "import", str(folder), "--out", str(tmp_path / "made")])
        assert result.exit_code == 2, (number, result.output)
        assert re.fullmatch(r"error: [^\n]+\n", result.output), result.output
        assert not (tmp_path / "made").exists()
        assert not list(tmp_path.glob("*.partial"))


@pytest.mark.shared
def test_an_import_that_was_killed_leaves_nothing_behind_once_it_is_repeated(yahpo_files, shared_data, tmp_path):
    left = tmp_path / ".made.partial"
    left.mkdir()
    (left / "model.onnx").write_text("half")
    load_published([yahpo_files], tmp_path / "made").verify()
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


@pytest.mark.shared
def test_a_network_that_is_not_alone_in_its_folder_is_not_guessed(yahpo_files, shared_data, tmp_path):
    for name in ("encoding.json", "config_space.json"):
        (tmp_path / name).write_bytes((yahpo_files / name).read_bytes())
    with pytest.raises(ImportDataError, match=r"should have one network .onnx beside encoding.json; it has none"):
        yahpo.find(tmp_path)
    for name in ("a.onnx", "b.onnx", "model_noisy.onnx"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ImportDataError, match=r"it has a.onnx, b.onnx"):
        yahpo.find(tmp_path)


# ---- what ships ----


@pytest.fixture(scope="module")
def shipped():
    return Surrogate.open(Path(__file__).parents[2] / "surrogates" / "nasbench301")


def test_the_shipped_surrogate_says_what_it_is(shipped):
    shipped.verify()
    assert shipped.n_members == 10
    assert "a surrogate of a surrogate" in shipped.about["title"]
    assert shipped.about["licence"] == "Apache-2.0"
    # of yahpo_data's nb301/model.onnx as it was downloaded
    model = shipped.card.fitted["teacher"]["files"]["model.onnx"]
    assert model in [source["sha256"] for source in shipped.about["sources"]]
    assert all(metric.epochs == tuple(range(1, 99)) for metric in shipped.metrics("cifar10").values())
    size = sum(path.stat().st_size for path in Path(shipped.path).iterdir())
    assert size < 6e6


def test_the_shipped_card_states_the_quality_that_was_asked_for(shipped):
    uniform = shipped.card.quality["uniform"]
    assert uniform["n_archs"] == 10_000
    last = uniform["val_accuracy@98"]
    assert last["kendall_tau"] >= 0.90
    assert last["r2"] >= 0.95
    assert "kendall_tau_best_5_percent" in last
    assert "val_accuracy@98" in shipped.card.quality["near_optimum"]


@pytest.mark.shared
def test_the_shipped_surrogate_follows_its_teacher_on_architectures_of_neither_training_nor_card(
    shipped, teacher, shared_data
):
    from scipy.stats import kendalltau

    drawn = SPACE.sample_many(np.random.default_rng(20_301), 40_000)
    archs = drawn[held_out(SPACE, drawn, 0.05)][:1_500]
    accuracy, seconds = teacher.predictor.curves(archs, (12, 98))
    for at, epoch in enumerate((12, 98)):
        for metric, wanted in (("val_accuracy", accuracy[:, at]), ("cost_s", seconds[:, at])):
            found = shipped.predict("cifar10", archs, metric, epoch=epoch).mean
            assert kendalltau(found, wanted)[0] > 0.95
            assert 1 - ((found - wanted) ** 2).mean() / wanted.var() > 0.99


def test_the_clock_of_the_shipped_surrogate_runs_forward_and_its_curves_rise(shipped):
    archs = SPACE.sample_many(np.random.default_rng(6), 2_000)
    outputs = shipped.predictor.outputs(archs)
    cost_s, accuracy = (
        np.stack([shipped.at("cifar10", metric, epoch).prediction(*outputs).mean for epoch in range(1, 99)])
        for metric in ("cost_s", "val_accuracy")
    )
    assert (np.diff(cost_s, axis=0) > 0).all()
    assert (np.diff(accuracy, axis=0) > 0).mean() > 0.999
    assert ((accuracy > 0.05) & (accuracy < 0.98)).all()


def test_the_best_architecture_of_the_card_has_no_better_neighbor(shipped):
    bench = nbk.Benchmark(shipped, "cifar10")
    best = bench.best()
    assert best.value == bench.query(best.arch).val_accuracy
    near = np.array(SPACE.neighbors(best.arch), np.uint8)
    assert bench.query_many(near).val_accuracy.max() <= best.value
    sample = SPACE.sample_many(np.random.default_rng(0), 5_000)
    assert bench.query_many(sample).val_accuracy.max() < best.value


def test_other_folders_are_no_models(tmp_path):
    with pytest.raises(ImportDataError, match="holds no models that are known"):
        load_published([tmp_path], tmp_path / "made")
    with pytest.raises(ImportDataError, match="there is no folder"):
        load_published([tmp_path / "absent"], tmp_path / "made")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(SettingError, match="exists already; give a new folder"):
        load_published([tmp_path], tmp_path / "full")
